// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything in random order, against the oracle: promises 1 to 4 and 7 to 9.
 *
 * DMA_DIRTY_SEED repeats a run, DMA_DIRTY_OPS makes it longer or shorter.
 */
#include <stdlib.h>

#define SLOTS		10
#define SLOT_DISTANCE	(32 * STRIP)
#define SLOT_LEN	(4 * STRIP)
#define SLOTS_LEN	(SLOTS * SLOT_DISTANCE)
#define HUGE_SLOTS	3
#define MAX_WRITES	24

/* A place in IOVA with memory of its own; what of it is mapped changes. */
struct slot {
	uint64_t base;
	uint64_t piece;
	uint8_t *mem;
	uint64_t iova;		/* of the mapping, if any */
	uint64_t length;	/* 0: not mapped */
};

struct run {
	struct rig *rig;
	uint64_t seed;
	bool attached;
	bool edu_attached;
	struct slot slot[SLOTS];
};

static uint64_t below(struct run *run, uint64_t n)
{
	return rnd(&run->seed) % n;
}

static int map_some(struct run *run, struct slot *s)
{
	/* Of large pieces, whole ones or leaves of all sizes that fit */
	uint64_t unit = s->piece > PAGE && below(run, 2) ? STRIP : PAGE;
	uint64_t units = SLOT_LEN / unit;
	uint64_t first = below(run, units);
	uint64_t nr = 1 + below(run, units - first);

	if (s->length)
		return 0;
	if (!below(run, 3)) {
		first = 0;
		nr = units;
	}
	s->iova = s->base + first * unit;
	s->length = nr * unit;
	return rig_map_at(run->rig, s->mem + first * unit, s->iova, s->length,
			  s->piece);
}

static int unmap_some(struct run *run, struct slot *s)
{
	uint64_t length = s->length;

	if (!length)
		return 0;
	s->length = 0;
	return rig_unmap(run->rig, s->iova, length);
}

static int write_some(struct run *run)
{
	struct e1000e_write w[MAX_WRITES];
	size_t max = 1 + below(run, MAX_WRITES), n = 0, tries;

	if (!run->attached)
		return 0;
	for (tries = 0; tries < max; tries++) {
		struct slot *s = &run->slot[below(run, SLOTS)];

		if (!s->length)
			continue;
		w[n].len = E1000E_MIN_LEN;
		if (!below(run, 4))
			w[n].len += below(run, E1000E_MAX_LEN - E1000E_MIN_LEN);
		w[n].iova = s->iova + below(run, s->length - w[n].len + 1);
		/* Half of them to few pages, for these are cached. */
		if (below(run, 2))
			w[n].iova = s->iova + below(run, PAGE - E1000E_MIN_LEN + 1);
		if (w[n].iova + w[n].len > s->iova + s->length)
			w[n].len = E1000E_MIN_LEN;
		n++;
	}
	return rig_write_many(run->rig, w, n);
}

static void random_range(struct run *run, struct oracle_req *req)
{
	const uint64_t size[] = { PAGE, PAGE, PAGE, 4 * PAGE, 16 * PAGE,
				  STRIP };
	struct slot *s = &run->slot[below(run, SLOTS)];
	uint64_t from = RIG_IOVA, length = SLOTS_LEN, first;

	req->page_size = size[below(run, ARRAY_SIZE(size))];
	/* Everything; one slot; exactly a mapping, at a page a bit */
	if (below(run, 4)) {
		from = s->base;
		length = SLOT_LEN;
	}
	if (s->length && !below(run, 4)) {
		req->iova = s->iova;
		req->length = s->length;
		req->page_size = PAGE;
		return;
	}
	length /= req->page_size;
	first = below(run, length);
	if (below(run, 2))
		first = 0;
	req->iova = from + first * req->page_size;
	req->length = (1 + below(run, length - first)) * req->page_size;
}

static int get_some(struct run *run)
{
	struct rig *r = run->rig;
	struct oracle_req req = { 0 };
	uint8_t byte;

	random_range(run, &req);
	req.flags = below(run, 4) ? 0 : NO_CLEAR;
	req.prefill = below(run, 2) ? rnd(&run->seed) : 0;
	req.skew = below(run, 2) ? below(run, PAGE) : 0;
	if (r->oracle.on)
		return oracle_ask(&r->oracle, &req);
	/* Off: refused before anything is looked at */
	return iommufd_get_dirty(r->fd, r->hwpt, req.flags, req.iova,
				 req.length, req.page_size, &byte) == -EINVAL ?
	       0 : -EPROTO;
}

/* A bitmap nobody can write; needed if and only if something is mapped. */
static int get_badly(struct run *run)
{
	struct rig *r = run->rig;
	struct slot *s = &run->slot[below(run, SLOTS)];
	int rc, want = s->length ? -EFAULT : 0;

	if (!r->oracle.on)
		want = -EINVAL;
	rc = iommufd_get_dirty(r->fd, r->hwpt, 0, s->base, SLOT_LEN, PAGE,
			       NULL);
	return rc == want ? 0 : -EPROTO;
}

static int attach_or_detach(struct run *run)
{
	struct rig *r = run->rig;
	bool edu = below(run, 2);
	struct vfio_dev *dev = edu ? &r->edu[0].vfio : &r->nic.vfio;
	bool *attached = edu ? &run->edu_attached : &run->attached;
	int rc;

	rc = *attached ? vfio_detach(dev) : vfio_attach(dev, r->hwpt);
	*attached = !*attached;
	return rc;
}

static int one_op(struct run *run)
{
	uint64_t dice = below(run, 1000);
	struct slot *s = &run->slot[below(run, SLOTS)];

	if (dice < 500)
		return write_some(run);
	if (dice < 850)
		return get_some(run);
	if (dice < 870)
		return get_badly(run);
	if (dice < 930)
		return map_some(run, s);
	if (dice < 960)
		return unmap_some(run, s);
	if (dice < 975)
		return rig_set(run->rig, true);
	/* Off seldom, on again soon: most of the time there is tracking. */
	if (dice < 978)
		return rig_set(run->rig, false);
	/* Twice as often while the network device is away */
	if (dice < 985 || !run->attached)
		return attach_or_detach(run);
	return 0;
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static int run_start(struct run *run, struct rig *r, uint64_t seed)
{
	unsigned int i;

	*run = (struct run){ .rig = r, .seed = seed, .attached = true };
	if (rig_add_edu(r, 0))
		return -ENODEV;
	run->edu_attached = true;
	for (i = 0; i < SLOTS; i++) {
		struct slot *s = &run->slot[i];

		s->base = RIG_IOVA + i * SLOT_DISTANCE;
		s->piece = i < HUGE_SLOTS ? mem_large() : PAGE;
		s->mem = mem_alloc(SLOT_LEN, s->piece);
		if (!s->mem)
			return -ENOMEM;
	}
	return rig_set(r, true);
}

static void run_end(struct run *run)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		mem_free(run->slot[i].mem, SLOT_LEN, run->slot[i].piece);
}

TEST_F_TIMEOUT(rig, random_operations, 900)
{
	uint64_t seed = from_env("DMA_DIRTY_SEED", now_ms() * 2654435761u | 1);
	uint64_t ops = from_env("DMA_DIRTY_OPS", 20000);
	struct rig *r = &self->rig;
	struct run run;
	uint64_t i;

	printf("# DMA_DIRTY_SEED=%#llx DMA_DIRTY_OPS=%llu\n",
	       (unsigned long long)seed, (unsigned long long)ops);
	MUST(run_start(&run, r, seed));
	for (i = 0; i < ops; i++) {
		ASSERT_EQ(0, one_op(&run)) {
			TH_LOG("operation %llu of seed %#llx",
			       (unsigned long long)i, (unsigned long long)seed);
		}
	}
	MUST(rig_set(r, true));
	OK(rig_get(r, RIG_IOVA, SLOTS_LEN));
	OK(rig_get(r, RIG_IOVA, SLOTS_LEN));
	run_end(&run);
}
