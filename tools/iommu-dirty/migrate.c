// SPDX-License-Identifier: GPL-2.0-only
/*
 * A live migration in small: how a VMM uses iommufd's dirty tracking.
 *
 * A VM's memory is mapped for a PCI device, which writes into it by DMA. The
 * processor sees nothing of that; the IOMMU does, and sets the Dirty bit of the
 * page in its page table. Migration reads and clears these bits while the
 * device goes on:
 *
 *	prepare		an HWPT made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 *	start		IOMMU_HWPT_SET_DIRTY_TRACKING: on, every page clean
 *	round 0		copy all memory
 *	round 1...	IOMMU_HWPT_GET_DIRTY_BITMAP, copy the pages it names
 *	last round	stop the device; GET and copy once more
 *
 * The order within a round is what makes it right: GET first, copy second. A
 * write before the clear is named by this GET; a write after it, even into a
 * page that is being copied right now, is named by the next. So a copy may be
 * torn or late, but after the last round, with the device stopped, nothing is.
 *
 * With --huge the memory is of huge pages and so are the IOMMU's leaves, each
 * with one dirty bit for 2 MiB. A kernel that splits leaves while it tracks does
 * that by itself; a VMM may choose when, between "prepare" and "start".
 *
 * Here the source and the destination are two buffers of one process, so at the
 * end they can be compared. The devices are an e1000e in loopback, for load, and
 * an edu, which writes single bytes. Their drivers are with the selftests.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "iommufd.h"
#include "load.h"
#include "options.h"

#define WORD_BITS	64

/* Where the device has its rings; the VM's memory is at RAM_IOVA. */
#define RING_IOVA	0x10000000ULL

/*
 * Copying within a process is faster than any network. A round takes at least
 * this long, or the device would hardly write between two of them.
 */
#define ROUND_SECONDS	0.3

struct round {
	double seconds;
	size_t dirty;
	size_t copied;
	double copy_seconds;
	double set_seconds;
	double get_seconds;
	size_t written;
};

void die(int err, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "migrate: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (err)
		fprintf(stderr, ": %s", strerror(err < 0 ? -err : err));
	fputc('\n', stderr);
	exit(1);
}

void check(int rc, const char *what)
{
	if (rc < 0)
		die(rc, "%s", what);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void sleep_until(double when)
{
	struct timespec ts = {
		.tv_sec = when,
		.tv_nsec = (when - (time_t)when) * 1e9,
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* ---- Preparing: what a VMM does when the VM is created ---- */

void *alloc(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die(errno, "%zu MiB of memory", bytes >> 20);
	/* Only makes the first touch cheaper; no promise is needed. */
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

/* In place of what is at @p, which is aligned: only huge pages make huge leaves. */
static void use_huge_pages(void *p, size_t bytes)
{
	if (mmap(p, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB |
		 21 << MAP_HUGE_SHIFT, -1, 0) == MAP_FAILED)
		die(errno, "%zu huge pages (/proc/sys/vm/nr_hugepages)",
		    bytes / HUGE_PAGE);
}

static void memory_init(struct memory *ram, const struct options *opt)
{
	size_t bytes = opt->mib << 20;
	size_t i, words = bytes / sizeof(uint64_t);
	uint64_t *src;

	ram->pages = bytes / PAGE;
	/*
	 * Not at a distance of a power of two: a page and its copy would share
	 * a slot of an emulated processor's TLB, and copying be ten times slower.
	 */
	ram->src = alloc(2 * bytes + HUGE_PAGE + 33 * PAGE);
	ram->src += -(uintptr_t)ram->src % HUGE_PAGE;
	ram->dst = ram->src + bytes + 33 * PAGE;
	ram->dirty = alloc(ram->pages / 8 + sizeof(uint64_t));
	if (opt->huge)
		use_huge_pages(ram->src, bytes);

	src = (uint64_t *)ram->src;
	for (i = 0; i < words; i++)
		src[i] = (opt->seed + i) * 0x9e3779b97f4a7c15;
}

/*
 * The IOMMU works in its own leaves: a 2 MiB leaf is dirty as a whole, and six
 * small writes into it become 512 pages to copy. Mapping with 4 KiB leaves costs
 * page table and TLB, and makes a report exact.
 */
static void use_small_leaves(struct machine *m)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = m->ioas,
		.val64 = 0,
	};

	if (ioctl(m->iommufd, IOMMU_OPTION, &cmd))
		die(errno, "IOMMU_OPTION_HUGE_PAGES");
}

/*
 * In pieces, as the memory of a VM is. No leaf spans two of them, so there are
 * none of 1 GiB, whatever order huge pages happen to lie in.
 */
static void map_ram(struct machine *m, struct memory *ram)
{
	size_t at, piece, bytes = ram->pages * PAGE;

	for (at = 0; at < bytes; at += piece) {
		piece = bytes - at < 512UL << 20 ? bytes - at : 512UL << 20;
		check(iommufd_map(m->iommufd, m->ioas, ram->src + at,
				  RAM_IOVA + at, piece), "IOMMU_IOAS_MAP");
	}
}

/*
 * When a leaf that is tracked is split. All of this is optional: a kernel that
 * can split does so by default, and one that does not know the ioctl cannot.
 */
static void choose_split_mode(struct machine *m, int split)
{
	uint32_t mode, modes;
	int rc;

	if (split != SPLIT_DEFAULT) {
		rc = iommufd_set_split_mode(m->iommufd, m->hwpt, split);
		if (rc != -ENOTTY || split != IOMMU_HWPT_DIRTY_SPLIT_OFF)
			check(rc, "IOMMU_HWPT_DIRTY_SPLIT_MODE");
	}
	rc = iommufd_split_mode(m->iommufd, m->hwpt, &mode, &modes);
	if (rc == -ENOTTY) {
		printf("migrate: huge leaves, which this kernel does not split\n");
		return;
	}
	check(rc, "IOMMU_HWPT_DIRTY_SPLIT_MODE");
	printf("migrate: huge leaves, split mode %s\n", split_name(mode));
}

/* Asked here, for each device: attaching one that is not tracked would fail. */
static void require_tracking(const struct machine *m)
{
	const struct vfio_dev *devices[] = { &m->nic.vfio, &m->edu.vfio };
	uint64_t caps;
	int i;

	for (i = 0; i < 2; i++) {
		check(iommufd_hw_caps(m->iommufd, devices[i]->devid, &caps),
		      "IOMMU_GET_HW_INFO");
		if (!(caps & IOMMU_HW_CAP_DIRTY_TRACKING))
			die(0, "the IOMMU of %s does not track dirty pages",
			    devices[i]->bdf);
	}
}

static void machine_init(struct machine *m, struct memory *ram,
			 const struct options *opt)
{
	void *rings;

	m->iommufd = iommufd_open();
	check(m->iommufd, "/dev/iommu (CONFIG_IOMMUFD?)");
	check(e1000e_open(&m->nic, m->iommufd, 0), "no e1000e to open");
	check(edu_open(&m->edu, m->iommufd, 0), "no edu to open");
	require_tracking(m);

	/* One IOAS is the VM's physical address space. */
	check(iommufd_ioas_alloc(m->iommufd, &m->ioas), "IOMMU_IOAS_ALLOC");
	if (!opt->huge)
		use_small_leaves(m);
	map_ram(m, ram);

	/*
	 * The HWPT is the page table that the IOMMU walks. The flag makes it
	 * one whose devices can all be tracked: attaching any other fails with
	 * EINVAL. Tracking itself is still off, and costs nothing.
	 */
	check(iommufd_hwpt_alloc(m->iommufd, m->nic.vfio.devid, m->ioas,
				 IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &m->hwpt),
	      "IOMMU_HWPT_ALLOC");
	if (opt->huge)
		choose_split_mode(m, opt->split);
	check(vfio_attach(&m->nic.vfio, m->hwpt), "attaching the e1000e");
	check(vfio_attach(&m->edu.vfio, m->hwpt), "attaching the edu");

	/* The e1000e's rings are written too; that is not what we migrate. */
	rings = alloc(E1000E_MEM_SIZE);
	check(iommufd_map(m->iommufd, m->ioas, rings, RING_IOVA,
			  E1000E_MEM_SIZE), "mapping the rings");
	check(e1000e_start(&m->nic, rings, RING_IOVA), "starting the e1000e");
}

/* ---- Migrating ---- */

/* Sends everything, with a progress that is drawn over */
static void copy_all(struct memory *ram, struct round *r)
{
	size_t page, step = ram->pages / 16;
	double start = now();

	for (page = 0; page < ram->pages; page++) {
		memcpy(ram->dst + page * PAGE, ram->src + page * PAGE, PAGE);
		if (step && page % step == 0) {
			printf("\rround  0  copying all  %3zu%%",
			       100 * page / ram->pages);
			fflush(stdout);
		}
	}
	printf("\r");
	r->copied = ram->pages;
	r->copy_seconds = now() - start;
}

/*
 * Reads and clears. The kernel ORs into the bitmap and never clears a bit of
 * it, so start from zeros. On an error the bits that were delivered are valid
 * and their pages are clean now: a VMM that wants to go on must copy these, too.
 */
static void get_dirty(struct machine *m, struct memory *ram, struct round *r)
{
	size_t i, words = (ram->pages + WORD_BITS - 1) / WORD_BITS;
	double start;

	memset(ram->dirty, 0, words * sizeof(*ram->dirty));
	start = now();
	check(iommufd_get_dirty(m->iommufd, m->hwpt, 0, RAM_IOVA,
				ram->pages * PAGE, PAGE, ram->dirty),
	      "IOMMU_HWPT_GET_DIRTY_BITMAP");
	r->get_seconds = now() - start;
	for (i = 0; i < words; i++)
		r->dirty += __builtin_popcountll(ram->dirty[i]);
}

/*
 * Copies what GET named, but for the @drop-th page that really changed. Dropping
 * a page whose copy happens to be good already would prove nothing.
 */
static void copy_dirty(struct memory *ram, struct round *r, unsigned int drop)
{
	size_t i, words = (ram->pages + WORD_BITS - 1) / WORD_BITS;
	unsigned int differing = 0;
	double start = now();

	for (i = 0; i < words; i++) {
		uint64_t word = ram->dirty[i];

		for (; word; word &= word - 1) {
			size_t page = i * WORD_BITS + __builtin_ctzll(word);
			unsigned char *src = ram->src + page * PAGE;
			unsigned char *dst = ram->dst + page * PAGE;

			if (drop && memcmp(src, dst, PAGE) &&
			    ++differing == drop) {
				printf("migrate: dropping page %zu\n", page);
				continue;
			}
			memcpy(dst, src, PAGE);
			r->copied++;
		}
	}
	r->copy_seconds = now() - start;
	if (differing < drop)
		die(0, "--drop %u: only %u pages changed in the last round",
		    drop, differing);
}

static double to_mib(size_t pages)
{
	return pages * PAGE / 1048576.0;
}

/* Has a line for each round, see report(). NULL if nobody asked for it */
static FILE *open_data(const char *path)
{
	FILE *data;

	if (!path)
		return NULL;
	data = fopen(path, "we");
	if (!data)
		die(errno, "%s", path);
	fprintf(data, "round,seconds,pages_dirty,pages_copied,mib_copied,");
	fprintf(data, "get_us,device_pages,set_us\n");
	return data;
}

static void close_data(FILE *data, const char *path)
{
	bool failed;

	if (!data)
		return;
	failed = ferror(data);
	if (fclose(data) || failed)
		die(0, "%s: not all of it could be written", path);
}

static void report(FILE *data, unsigned int n, const struct round *r,
		   const char *note)
{
	double rate = r->copy_seconds > 0 ? to_mib(r->copied) / r->copy_seconds : 0;

	printf("round %2u  dirty %6zu  copied %6zu pages  %6.0f MB/s  GET %6.0f us%s\n",
	       n, r->dirty, r->copied, rate * 1.048576, r->get_seconds * 1e6,
	       note);
	fflush(stdout);
	if (data) {
		fprintf(data, "%u,%.4f,%zu,%zu,%.3f,%.0f,%zu,%.0f\n", n,
			r->seconds, r->dirty, r->copied, to_mib(r->copied),
			r->get_seconds * 1e6, r->written, r->set_seconds * 1e6);
		fflush(data);
	}
}

/* Returns how long it took. */
static double set_tracking(struct machine *m, bool on)
{
	double start = now();

	check(iommufd_set_dirty(m->iommufd, m->hwpt, on),
	      "IOMMU_HWPT_SET_DIRTY_TRACKING");
	return now() - start;
}

/* Returns the number of rounds. */
static unsigned int migrate(struct machine *m, struct memory *ram,
			    struct load *load, const struct options *opt,
			    struct round *rounds, FILE *data)
{
	double start = now();
	unsigned int n;
	bool last;

	/* From a clean table on: what is copied next needs no report. */
	rounds[0].set_seconds = set_tracking(m, true);
	load_next_epoch(load);
	load_begin_pass(load);
	copy_all(ram, &rounds[0]);
	load_end_pass(load);
	rounds[0].seconds = now() - start;
	report(data, 0, &rounds[0], "  everything");

	for (n = 1, last = false; !last; n++) {
		struct round *r = &rounds[n];

		start = now();
		last = n >= opt->rounds || (n > 1 && r[-1].dirty <= opt->stop);
		if (last)
			load_stop(load);

		/* Pages written up to here belong to this GET's report. */
		load_next_epoch(load);
		get_dirty(m, ram, r);
		r->written = load->written[n + 1];
		if (!last)
			load_begin_pass(load);
		copy_dirty(ram, r, last ? opt->drop : 0);

		/*
		 * A VM that dirties memory faster than it can be sent is
		 * slowed down, or this would not end.
		 */
		if (!opt->steady)
			load_slow_down(load);
		if (last) {
			r->set_seconds = set_tracking(m, false);
		} else {
			sleep_until(start + ROUND_SECONDS);
			load_end_pass(load);
		}
		r->seconds = now() - start;
		report(data, n, r, last ? "  device stopped" : "");
	}
	return n;
}

/* ---- Was it right? ---- */

static void table(const struct round *rounds, unsigned int n)
{
	size_t copied = 0;
	unsigned int i;

	printf("\nround  seconds  device wrote    dirty   copied  MiB in all  GET us\n");
	for (i = 0; i < n; i++) {
		copied += rounds[i].copied;
		printf("%5u  %7.3f  %12zu  %7zu  %7zu  %10.1f  %6.0f\n", i,
		       rounds[i].seconds, rounds[i].written, rounds[i].dirty,
		       rounds[i].copied, to_mib(copied),
		       rounds[i].get_seconds * 1e6);
	}
	printf("(the device counts pages when a burst is over; a GET may be ahead)\n");
	printf("SET on %.0f us, off %.0f us\n\n", rounds[0].set_seconds * 1e6,
	       rounds[n - 1].set_seconds * 1e6);
}

/* Counts the pages, and says of the first few where they differ. */
static size_t count_different(const struct memory *ram)
{
	size_t page, bad = 0;

	for (page = 0; page < ram->pages; page++) {
		const unsigned char *src = ram->src + page * PAGE;
		const unsigned char *dst = ram->dst + page * PAGE;
		unsigned int first = 0, last = PAGE - 1;

		if (!memcmp(src, dst, PAGE))
			continue;
		if (++bad > 8)
			continue;
		while (src[first] == dst[first])
			first++;
		while (src[last] == dst[last])
			last--;
		printf("migrate: page %zu differs, bytes %u to %u\n", page,
		       first, last);
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct options opt;
	struct round rounds[MAX_ROUNDS] = { };
	struct machine m;
	struct memory ram;
	static struct load load;
	unsigned int n;
	FILE *data;
	double start, seconds;
	size_t bad;

	parse_options(argc, argv, &opt);
	data = open_data(opt.data);
	memory_init(&ram, &opt);
	machine_init(&m, &ram, &opt);
	printf("migrate: %zu MiB, %zu pages, written by %s (e1000e) and %s (edu)\n",
	       opt.mib, ram.pages, m.nic.vfio.bdf, m.edu.vfio.bdf);
	fflush(stdout);

	start = now();
	load_start(&load, &m, &ram, opt.seed, opt.rate, opt.each_leaf);
	n = migrate(&m, &ram, &load, &opt, rounds, data);
	seconds = now() - start;

	table(rounds, n);
	printf("migrate: the device wrote %zu times in %.1f seconds\n",
	       load.writes, seconds);
	bad = count_different(&ram);
	if (bad)
		printf("migrate: DIFFERENT, %zu pages\n", bad);
	else
		printf("migrate: identical, %zu pages compared\n", ram.pages);

	e1000e_close(&m.nic);
	edu_close(&m.edu);
	close(m.iommufd);
	close_data(data, opt.data);
	return bad ? 1 : 0;
}
