// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are plugged into a group that is in use, and out of it: promises
 * 1 and 4.  The kernel attaches and detaches them with nobody asking for it.
 */

#define PLUG_LEN	(64 * PAGE)
#define PLUG_PAGE	(RIG_IOVA + 17 * PAGE)
#define PLUG_ROUNDS	12
#define PLUG_OTHER	(RIG_EDU_GROUP + 1)

/* The other function, and what plugs it in and out */
struct function {
	char bdf[VFIO_BDF_LEN];
	char rescan[64];
	char remove[64];
};

/*
 * Where a device tree says what is behind the IOMMU, a device gets its group, and
 * is attached, when it gets a driver.
 */
static int plug_in(const struct function *f)
{
	int rc = text_write(f->rescan, "1");

	return rc ? rc : vfio_bind(f->bdf);
}

static int plug_out(const struct function *f)
{
	return text_write(f->remove, "1");
}

FIXTURE(plug)
{
	struct rig rig;
	struct function f;
};

FIXTURE_SETUP(plug)
{
	struct function *f = &self->f;
	struct rig *r = &self->rig;
	const char *first = r->edu[RIG_EDU_GROUP].vfio.bdf;

	MUST(rig_open(r));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, PLUG_LEN, PAGE));
	MUST(rig_add_edu(r, RIG_EDU_GROUP));
	snprintf(f->rescan, sizeof(f->rescan), "/sys/bus/pci/devices/%s/rescan",
		 first);
	MUST(text_write(f->rescan, "1"));
	MUST(vfio_find(EDU_VENDOR, EDU_DEVICE, PLUG_OTHER, f->bdf));
	MUST(vfio_bind(f->bdf));
	ASSERT_EQ(vfio_group(first), vfio_group(f->bdf)) {
		TH_LOG("%s is not in the group of %s", f->bdf, first);
	}
	snprintf(f->remove, sizeof(f->remove), "/sys/bus/pci/devices/%s/remove",
		 f->bdf);
}

FIXTURE_TEARDOWN(plug)
{
	/* If it is in, there is nothing to find. */
	text_write(self->f.rescan, "1");
	rig_close(&self->rig);
}

/* What either function writes is reported, and reported again. */
static void expect_function_tracked(struct __test_metadata *_metadata,
				    struct rig *r, unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		MUST(rig_edu_write(r, nth, PLUG_PAGE + nth * PAGE, 1));
		OK(rig_get(r, RIG_IOVA, PLUG_LEN));
	}
}

/* The group's other function takes the setting that it finds. */
TEST_F_TIMEOUT(plug, plugged_in_after_set, SLOW)
{
	struct rig *r = &self->rig;

	MUST(plug_out(&self->f));
	MUST(rig_set(r, true));
	expect_function_tracked(_metadata, r, RIG_EDU_GROUP);
	MUST(plug_in(&self->f));
	MUST(rig_add_edu(r, PLUG_OTHER));
	expect_function_tracked(_metadata, r, PLUG_OTHER);
	expect_function_tracked(_metadata, r, RIG_EDU_GROUP);
}

/* What it has written stays dirty when it is gone. */
TEST_F_TIMEOUT(plug, plugged_out_dirty, SLOW)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(rig_add_edu(r, PLUG_OTHER));
	MUST(rig_edu_write(r, PLUG_OTHER, PLUG_PAGE, 1));
	edu_close(&r->edu[PLUG_OTHER]);
	MUST(plug_out(&self->f));
	OK(rig_get(r, RIG_IOVA, PLUG_LEN));
	expect_function_tracked(_metadata, r, RIG_EDU_GROUP);
}

static int act_plug_in(struct race *race)
{
	return plug_in(race->data);
}

/* Before, during or after SET(1). */
TEST_F_TIMEOUT(plug, plug_in_races_set, SLOW)
{
	struct rig *r = &self->rig;
	struct race race = { .rig = r, .act = act_plug_in, .data = &self->f,
			     .seed = 1 };
	unsigned int round;

	for (round = 0; round < PLUG_ROUNDS; round++) {
		MUST(rig_set(r, false));
		MUST(plug_out(&self->f));
		MUST(race_set(&race, true));
		MUST(race.rc);
		MUST(rig_add_edu(r, PLUG_OTHER));
		expect_function_tracked(_metadata, r, PLUG_OTHER);
		edu_close(&r->edu[PLUG_OTHER]);
	}
	expect_function_tracked(_metadata, r, RIG_EDU_GROUP);
}

static void *switch_thread(void *arg)
{
	struct worker *w = arg;

	while (worker_goes_on(w, ~0U))
		worker_did(w, iommufd_set_dirty(w->rig->fd, w->rig->hwpt,
						!(w->done & 1)));
	return NULL;
}

/*
 * SET walks over the devices of which one goes: with its entry, its table, its
 * memory.  Whatever is touched behind that is for KASAN to see.
 */
TEST_F_TIMEOUT(plug, plug_out_races_set, SLOW)
{
	struct rig *r = &self->rig;
	struct worker w = { .rig = r };
	unsigned int round, seen;

	MUST(rig_set(r, false));
	MUST(pthread_create(&w.thread, NULL, switch_thread, &w));
	for (round = 0; round < 3 * PLUG_ROUNDS; round++) {
		OK(plug_out(&self->f));
		OK(plug_in(&self->f));
		seen = __atomic_load_n(&w.done, __ATOMIC_RELAXED);
		while (worker_behind(&w, seen + 2))
			usleep(100);
	}
	MUST(worker_join(&w));
	MUST(iommufd_set_dirty(r->fd, r->hwpt, false));
	MUST(rig_set(r, true));
	expect_function_tracked(_metadata, r, RIG_EDU_GROUP);
}
