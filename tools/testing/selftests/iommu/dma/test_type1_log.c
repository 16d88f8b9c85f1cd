// SPDX-License-Identifier: GPL-2.0-only
/* Logging: every page of every report, whoever comes and goes meanwhile */

/* None lost, none invented. */
TEST_F_TIMEOUT(type1, exact, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(t1_log(r, true));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	for (round = 0; round < 30; round++) {
		MUST(rig_write_pages(r, T1_IOVA + round * PAGE, 63 * PAGE,
				     150));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		/* The translation is cached, with its dirty bit. */
		MUST(rig_write_pages(r, T1_IOVA + round * PAGE, 63 * PAGE,
				     150));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		OK(t1_get(r, T1_IOVA, T1_LEN));
	}
	MUST(rig_write_pages(r, T1_IOVA, PAGE, AREA_PAGES));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	OK(t1_get(r, T1_IOVA, T1_LEN));
}

/* A report may cover a part of a mapping, which VFIO itself refuses. */
TEST_F(type1, parts)
{
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 7 * PAGE, 1400));
	for (i = 0; i < 4; i++)
		OK(t1_get(r, T1_IOVA + (3 - i) * (T1_LEN / 4), T1_LEN / 4));
	OK(t1_get(r, T1_IOVA, T1_LEN));
}

/* Holes, and several mappings, in one report */
TEST_F(type1, several_mappings)
{
	struct rig *r = &self->rig;
	uint64_t iova = T1_IOVA + T1_LEN + 64 * STRIP;
	void *mem;

	mem = t1_map(r, iova, 100 * PAGE, PAGE);
	ASSERT_NE(NULL, mem);
	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, iova, 3 * PAGE, 30));
	MUST(rig_write_pages(r, T1_IOVA, 5 * PAGE, 1000));
	OK(t1_get(r, T1_IOVA - STRIP, T1_LEN + 80 * STRIP));
	OK(t1_get(r, T1_IOVA - STRIP, T1_LEN + 80 * STRIP));
	mem_free(mem, 100 * PAGE, PAGE);
}

/* START while on clears nothing; STOP and START do, together. */
TEST_F(type1, start_twice)
{
	struct rig *r = &self->rig;

	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 100));
	MUST(t1_log(r, true));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	MUST(rig_write_pages(r, T1_IOVA, 5 * PAGE, 100));
	MUST(t1_log(r, false));
	MUST(rig_write_pages(r, T1_IOVA, 7 * PAGE, 100));
	MUST(t1_log(r, true));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 100));
	OK(t1_get(r, T1_IOVA, T1_LEN));
}

/* What is mapped while logging is on is clean, and tracked. */
TEST_F(type1, mapped_meanwhile)
{
	struct rig *r = &self->rig;
	uint64_t iova = T1_IOVA + 64 * STRIP;
	struct type1_unmap unmap;
	void *mem;

	MUST(t1_log(r, true));
	mem = t1_map(r, iova, 2 * STRIP, self->piece);
	ASSERT_NE(NULL, mem);
	OK(t1_get(r, iova, 2 * STRIP));
	MUST(rig_write_pages(r, iova, 5 * PAGE, 100));
	OK(t1_get(r, T1_IOVA, 128 * STRIP));
	OK(t1_get(r, T1_IOVA, 128 * STRIP));
	/* Gone, with its dirt: nobody has asked for it. */
	MUST(rig_write_pages(r, iova, 5 * PAGE, 100));
	type1_unmap_init(&unmap, iova, 2 * STRIP, PAGE, NULL);
	MUST(type1_unmap(r->fd, &unmap));
	EXPECT_EQ(2 * STRIP, unmap.head.size);
	oracle_unmap(&r->oracle, iova, 2 * STRIP);
	OK(t1_get(r, T1_IOVA, 128 * STRIP));
	mem_free(mem, 2 * STRIP, self->piece);
}

/* Three devices, each of another group, in one container; one is late. */
TEST_F_TIMEOUT(type1, several_devices, SLOW)
{
	const uint64_t shared = T1_IOVA + 5 * PAGE;
	struct rig *r = &self->rig;
	unsigned int round, nth;

	MUST(edu_open(&r->edu[0], r->fd, 0));
	MUST(t1_log(r, true));
	/* Attached while logging is on */
	MUST(edu_open(&r->edu[1], r->fd, 1));
	for (round = 0; round < 3; round++) {
		for (nth = 0; nth < 2; nth++) {
			MUST(rig_edu_write(r, nth, shared, 8));
			OK(t1_get(r, T1_IOVA, T1_LEN));
		}
		MUST(rig_write(r, shared, 60));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		for (nth = 0; nth < 2; nth++)
			MUST(rig_edu_write(r, nth,
					   T1_IOVA + (nth + 1) * 8 * STRIP, 8));
		MUST(rig_write(r, T1_IOVA + 3 * STRIP, 60));
		OK(t1_get(r, T1_IOVA, T1_LEN));
	}
	/* One leaves; what it wrote before is reported, and the others stay. */
	MUST(rig_edu_write(r, 0, shared, 8));
	edu_close(&r->edu[0]);
	MUST(rig_edu_write(r, 1, T1_IOVA, 8));
	OK(t1_get(r, T1_IOVA, T1_LEN));
}

/*
 * The first device comes while logging is on: the page table is made for it, and
 * is tracked before the device can write.
 */
TEST_F(container, first_device_while_logging)
{
	struct rig *r = &self->rig;
	uint8_t *mem;

	/* Mapped after that, so that the oracle knows the IOMMU's leaves. */
	MUST(t1_log(r, true));
	MUST(rig_add_nic(r));
	mem = t1_map(r, T1_IOVA, T1_LEN, PAGE);
	ASSERT_NE(NULL, mem);
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 1000));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	MUST(rig_write_pages(r, T1_IOVA, 5 * PAGE, 1000));
	OK(t1_get(r, T1_IOVA, T1_LEN));

	/* It goes, and what it has written since stays. */
	MUST(rig_write_pages(r, T1_IOVA, 11 * PAGE, 500));
	e1000e_close(&r->nic);
	OK(t1_get(r, T1_IOVA, T1_LEN));

	/* Once more, with memory that is mapped before there is a table */
	MUST(t1_log(r, false));
	MUST(t1_log(r, true));
	MUST(rig_add_nic(r));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	MUST(rig_write_pages(r, T1_IOVA, 7 * PAGE, 1000));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	MUST(rig_write_pages(r, T1_IOVA, 7 * PAGE, 1000));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	mem_free(mem, T1_LEN, PAGE);
}

/* The last device leaves: its page table has dirt that nobody has read. */
TEST_F(type1, last_device_leaves)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(t1_log(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, T1_IOVA + round * PAGE, 3 * PAGE, 100));
		e1000e_close(&r->nic);
		if (round & 1)
			OK(t1_get(r, T1_IOVA, T1_LEN));
		MUST(rig_add_nic(r));
		MUST(rig_write_pages(r, T1_IOVA, 5 * PAGE, 100));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		OK(t1_get(r, T1_IOVA, T1_LEN));
	}
}

/* ... and is let go of when logging ends, or with the container. */
TEST_F(type1, nothing_stays_behind)
{
	struct rig *r = &self->rig;
	long before, pages;

	MUST(t1_log(r, true));
	e1000e_close(&r->nic);
	EXPECT_EQ(-EBUSY, iommufd_destroy(r->fd, r->ioas));
	before = iommu_table_pages();
	MUST(t1_log(r, false));
	pages = iommu_table_pages();
	ASSERT_LT(0, pages);
	EXPECT_LT(pages, before);
	EXPECT_EQ(0, iommufd_destroy(r->fd, r->ioas));
	EXPECT_EQ(-ENODEV, type1_log(r->fd, true));
}

TEST(closed_while_logging)
{
	struct rig rig;
	long pages[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		MUST(rig_open_container(&rig));
		MUST(rig_add_nic(&rig));
		MUST(t1_log(&rig, true));
		/* Now the device is closed first, now the container. */
		if (i & 1) {
			close(rig.fd);
			rig.fd = -1;
		}
		rig_close(&rig);
		pages[i] = iommu_table_pages();
		ASSERT_LE(0, pages[i]);
	}
	EXPECT_EQ(pages[0], pages[3]);
}

/* The address space is exchanged, and back: each has logging of its own. */
TEST_F(type1, address_space_exchanged)
{
	struct iommu_vfio_ioas set = {
		.size = sizeof(set),
		.op = IOMMU_VFIO_IOAS_SET,
	};
	struct rig *r = &self->rig;
	struct type1_get get;
	uint64_t bits = 0;

	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 100));
	MUST(iommufd_ioas_alloc(r->fd, &set.ioas_id));
	MUST(ioctl(r->fd, IOMMU_VFIO_IOAS, &set));
	type1_get_init(&get, T1_IOVA, 64 * PAGE, PAGE, &bits);
	EXPECT_EQ(-EINVAL, type1_get(r->fd, &get));
	MUST(type1_log(r->fd, true));
	EXPECT_EQ(0, type1_get(r->fd, &get));
	EXPECT_EQ(0, bits);
	set.ioas_id = r->ioas;
	MUST(ioctl(r->fd, IOMMU_VFIO_IOAS, &set));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	OK(t1_get(r, T1_IOVA, T1_LEN));
}

/* Who does something all the time, and how often it was done */
struct t1_race {
	struct rig *rig;
	bool stop;
	unsigned int done;
	int rc;
};

static bool t1_race_goes_on(struct t1_race *race)
{
	return !race->rc && !__atomic_load_n(&race->stop, __ATOMIC_RELAXED);
}

static void t1_race_did(struct t1_race *race, int rc)
{
	__atomic_store_n(&race->rc, rc, __ATOMIC_RELAXED);
	if (!rc)
		__atomic_add_fetch(&race->done, 1, __ATOMIC_RELAXED);
}

/* It works, and has not been done that often. */
static bool t1_race_behind(const struct t1_race *race, unsigned int times)
{
	return !__atomic_load_n(&race->rc, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&race->done, __ATOMIC_RELAXED) < times;
}

#define COMINGS		10

/* Another device comes and goes, and logging is not switched. */
static void *come_and_go(void *arg)
{
	struct t1_race *race = arg;
	int rc;

	while (t1_race_goes_on(race)) {
		rc = edu_open(&race->rig->edu[0], race->rig->fd, 0);
		edu_close(&race->rig->edu[0]);
		t1_race_did(race, rc);
	}
	return NULL;
}

TEST_F_TIMEOUT(type1, devices_race_reports, SLOW)
{
	struct rig *r = &self->rig;
	uint64_t end = now_ms() + PATIENCE_MS;
	struct t1_race race = { .rig = r };
	unsigned int round;
	pthread_t thread;

	MUST(t1_log(r, true));
	MUST(pthread_create(&thread, NULL, come_and_go, &race));
	for (round = 0; round < 60 ||
	     (t1_race_behind(&race, COMINGS) && now_ms() < end); round++) {
		MUST(rig_write_pages(r, T1_IOVA + round % 800 * PAGE, 63 * PAGE,
				     150));
		OK(t1_get(r, T1_IOVA, T1_LEN));
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	OK(race.rc);
	EXPECT_LE(COMINGS, race.done);
}

/* As many as devices that come and go */
#define SWITCHES	40

/* START and STOP while devices come, go and are asked: no error, no splat */
static void *switch_on_and_off(void *arg)
{
	struct t1_race *race = arg;
	bool on = true;

	while (t1_race_goes_on(race)) {
		t1_race_did(race, type1_log(race->rig->fd, on));
		on = !on;
	}
	return NULL;
}

TEST_F_TIMEOUT(type1, switch_races_everything, SLOW)
{
	struct rig *r = &self->rig;
	uint64_t end = now_ms() + PATIENCE_MS;
	struct t1_race race = { .rig = r };
	unsigned int round;
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, switch_on_and_off, &race));
	for (round = 0; round < SWITCHES ||
	     (t1_race_behind(&race, SWITCHES) && now_ms() < end); round++) {
		long count = t1_count(r, T1_IOVA, T1_LEN);

		if (count < 0)
			EXPECT_EQ(-EINVAL, count);
		e1000e_close(&r->nic);
		MUST(rig_add_nic(r));
		MUST(e1000e_write_pages(&r->nic, T1_IOVA, PAGE, 50, round));
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	OK(race.rc);
	EXPECT_LE(SWITCHES, race.done);
	MUST(type1_log(r->fd, false));
	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 100));
	OK(t1_get(r, T1_IOVA, T1_LEN));
}
