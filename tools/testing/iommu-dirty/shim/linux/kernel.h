/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as the walker, the formats and the log need, in user
 * space. Physical addresses are virtual ones.
 */
#ifndef __SHIM_KERNEL_H
#define __SHIM_KERNEL_H

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

#define BITS_PER_BYTE	8
#define BITS_PER_LONG	64
#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)

#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))
#define GENMASK(h, l)	((~0UL << (l)) & (~0UL >> (BITS_PER_LONG - 1 - (h))))
#define GENMASK_ULL(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))

#undef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define min(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
			   _a < _b ? _a : _b; })
#define max(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
			   _a > _b ? _a : _b; })
#define round_down(x, y) ((x) & ~((__typeof__(x))(y) - 1))
#define round_up(x, y)	((((x) - 1) | ((__typeof__(x))(y) - 1)) + 1)
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define PTR_ALIGN_DOWN(p, a) \
	((__typeof__(p))round_down((unsigned long)(p), (unsigned long)(a)))

/*
 * Compilers and the thread sanitizer know these as atomic. Where it does not
 * matter, a load is what it is in the kernel, for the sake of the benchmarks.
 */
#ifdef __SANITIZE_THREAD__
#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#else
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#endif
#define WRITE_ONCE(x, v)						\
do {									\
	__typeof__(x) _v = (v);						\
	shim_storing(&(x));						\
	__atomic_store_n(&(x), _v, __ATOMIC_RELAXED);			\
} while (0)

#define L1_CACHE_BYTES	64
#define prefetch(p)	__builtin_prefetch(p)

static inline unsigned long __ffs(unsigned long x)
{
	return __builtin_ctzl(x);
}

static inline unsigned long __fls(unsigned long x)
{
	return BITS_PER_LONG - 1 - __builtin_clzl(x);
}

static inline unsigned int __ffs64(u64 x)
{
	return __builtin_ctzll(x);
}

static inline u64 __sme_clr(u64 x)
{
	return x;
}

static inline u64 __sme_set(u64 x)
{
	return x;
}

/*
 * A program that defines SHIM_HOOKS sees the atomic operations of the walker and
 * the log, and may have them done wrongly, to see whether that is noticed.
 */
#ifdef SHIM_HOOKS
/* An entry will be cleared. */
void shim_clearing(const u64 *entry);
/* A word of the bitmap will be ORed. Returns whether to leave that out. */
bool shim_recording(unsigned long *word, unsigned long mask);
/* Clear by load and store? */
extern bool shim_plain;
/* Called between these two */
void shim_torn(void);
/* A word will be stored, which was computed a while ago. */
void shim_storing(const void *word);
#else
#define shim_plain	false
static inline void shim_clearing(const u64 *entry) { }
static inline void shim_torn(void) { }
static inline void shim_storing(const void *word) { }

static inline bool shim_recording(unsigned long *word, unsigned long mask)
{
	return false;
}
#endif

static inline void shim_tear(unsigned long *word, unsigned long keep,
			     unsigned long set)
{
	unsigned long old = *word;

	shim_torn();
	*word = (old & keep) | set;
}

static inline void clear_bit(unsigned int nr, unsigned long *word)
{
	shim_clearing((u64 *)word);
	if (shim_plain)
		shim_tear(word, ~BIT(nr), 0);
	else
		__atomic_fetch_and(word, ~BIT(nr), __ATOMIC_SEQ_CST);
}

static inline void set_bit(unsigned int nr, unsigned long *word)
{
	shim_clearing((u64 *)word);
	if (shim_plain)
		shim_tear(word, ~0UL, BIT(nr));
	else
		__atomic_fetch_or(word, BIT(nr), __ATOMIC_SEQ_CST);
}

static inline bool try_cmpxchg64(u64 *word, u64 *old, u64 new)
{
	shim_clearing(word);
	if (shim_plain) {
		shim_tear((unsigned long *)word, 0, new);
		return true;
	}
	return __atomic_compare_exchange_n(word, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

typedef struct {
	unsigned long counter;
} atomic_long_t;

static inline void atomic_long_or(unsigned long mask, atomic_long_t *v)
{
	if (!shim_recording(&v->counter, mask))
		__atomic_fetch_or(&v->counter, mask, __ATOMIC_SEQ_CST);
}

static inline void atomic_long_inc(atomic_long_t *v)
{
	__atomic_fetch_add(&v->counter, 1, __ATOMIC_SEQ_CST);
}

static inline unsigned long atomic_long_read(const atomic_long_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);
}

/* The atomic operations above are barriers themselves. */
#define smp_mb__after_atomic	shim_no_barrier
#define smp_mb__before_atomic	shim_no_barrier
static inline void shim_no_barrier(void) { }

static inline void preempt_disable(void) { }
static inline void preempt_enable(void) { }

static inline void cpu_relax(void)
{
	sched_yield();
}

#define smp_rmb shim_load_barrier
static inline void shim_load_barrier(void)
{
	/* The thread sanitizer knows of atomic loads, not of fences. */
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

static inline u64 virt_to_phys(const void *virt)
{
	return (uintptr_t)virt;
}

static inline void *phys_to_virt(u64 phys)
{
	return (void *)(uintptr_t)phys;
}

#endif /* __SHIM_KERNEL_H */
