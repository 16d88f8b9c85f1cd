// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU's devices
 *
 * A device translates through a cache of its own. A cached translation
 * remembers whether the leaf was dirty when it was cached; a write through one
 * that does leaves no trace in the table. That is how hardware behaves, and why
 * dirt is lost if something that was cleared is not invalidated. It remembers the
 * permission as well: a write through a translation that was cached as clean marks
 * the leaf as it is by then, and asks no more whether it may. Nothing is
 * ever evicted but by another page with the same index, so that the cache
 * forgives less than hardware's would. An invalidation drops what was asked
 * for and nothing else: what overlaps the range and has a size that is named.
 *
 * A device is attached in two steps, as drivers do it: it gets its setting and
 * translates, and then enters what switches and flushes go through.
 */
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "iommufd_test.h"
#include "mock_dirty.h"

#define MOCK_TLB_ENTRIES	4096
#define MOCK_RUN_MAX_PAGES	SZ_64K

/* One page; of a large leaf, any page of it that was used */
struct mock_tlb_entry {
	unsigned long page;
	u8 shift;
	bool valid;
	bool writable;
	bool dirty;
};

/*
 * @lock makes a write one step: translating, the data, and the log. Whoever
 * holds it knows that no write is under way.
 */
struct mock_dirty_dev {
	struct mutex lock; /* nests outside mock_dirty::tables */
	struct mock_dirty *mock;
	struct mock_tlb_entry *tlb;
	bool tracks;
	/* Protected by mock_dirty::devices_lock */
	struct list_head item;
	bool known;
	struct mutex run_lock; /* protects the thread and its log */
	struct task_struct *thread;
	struct rnd_state random;
	unsigned long run_page;
	unsigned int run_pages;
	u32 *log;
	u32 writes;
	u32 flushed;
};

/* The caller holds @mdev->lock. */
static void mock_tlb_drop(struct mock_dirty_dev *mdev, unsigned long iova,
			  unsigned long last, unsigned long sizes)
{
	struct mock_tlb_entry *entry = mdev->tlb;

	for (; entry != mdev->tlb + MOCK_TLB_ENTRIES; entry++) {
		unsigned long leaf;

		if (!entry->valid || !(sizes & BIT(entry->shift)))
			continue;
		leaf = round_down(entry->page << MOCK_PT_PAGE_SHIFT,
				  BIT(entry->shift));
		if (leaf <= last && leaf + BIT(entry->shift) - 1 >= iova)
			entry->valid = false;
	}
}

/* One access to one page. The caller holds @mdev->lock. */
static int mock_dirty_access(struct mock_dirty_dev *mdev, unsigned long iova,
			     bool write)
{
	unsigned long page = iova >> MOCK_PT_PAGE_SHIFT;
	struct mock_tlb_entry *entry = mdev->tlb + page % MOCK_TLB_ENTRIES;
	struct mock_dirty *mock = mdev->mock;
	unsigned int shift;
	bool writable, dirty;
	int rc;

	if (!mock)
		return -ENXIO;
	if (entry->valid && entry->page == page && (entry->dirty || !write)) {
		if (write)
			atomic_inc(&mock->hits);
		return 0;
	}

	down_read(&mock->tables);
	if (entry->valid && entry->page == page && entry->writable) {
		entry->dirty = mock_pt_mark(mock, iova);
		up_read(&mock->tables);
		return entry->dirty ? 0 : -EFAULT;
	}
	rc = mock_pt_use(mock, iova, write, mdev->tracks, &shift, &writable,
			 &dirty);
	up_read(&mock->tables);
	if (rc)
		return rc;
	entry->page = page;
	entry->shift = shift;
	entry->writable = writable;
	entry->dirty = write || !mdev->tracks || dirty;
	entry->valid = true;
	return 0;
}

static struct mock_dirty_dev *mock_dirty_dev_alloc(struct device *dev)
{
	struct mock_dirty_dev *mdev = kzalloc(sizeof(*mdev), GFP_KERNEL);

	if (!mdev)
		return NULL;
	mdev->tlb = kvcalloc(MOCK_TLB_ENTRIES, sizeof(*mdev->tlb), GFP_KERNEL);
	if (!mdev->tlb) {
		kfree(mdev);
		return NULL;
	}
	mutex_init(&mdev->lock);
	mutex_init(&mdev->run_lock);
	dev_set_drvdata(dev, mdev);
	return mdev;
}

static void mock_dirty_leave(struct mock_dirty_dev *mdev)
{
	struct mock_dirty *mock = mdev->mock;

	if (!mock)
		return;
	mock_dirty_change_begin(mock);
	mutex_lock(&mock->devices_lock);
	list_del(&mdev->item);
	mdev->known = false;
	mutex_unlock(&mock->devices_lock);

	mutex_lock(&mdev->lock);
	mdev->mock = NULL;
	mock_tlb_drop(mdev, 0, ULONG_MAX, ~0UL);
	mdev->flushed = mdev->writes;
	mutex_unlock(&mdev->lock);
	mock_dirty_change_end(mock);
}

static void mock_dirty_enter(struct mock_dirty_dev *mdev,
			     struct mock_dirty *mock)
{
	mock_dirty_change_begin(mock);
	mutex_lock(&mock->devices_lock);
	list_add_tail(&mdev->item, &mock->devices);
	mutex_unlock(&mock->devices_lock);

	mutex_lock(&mdev->lock);
	mdev->tracks = READ_ONCE(mock->domain->dirty_enabled);
	mdev->mock = mock;
	mutex_unlock(&mdev->lock);

	mock_dirty_hold(mock, MOCK_DIRTY_HOLD_ATTACH);

	mutex_lock(&mock->devices_lock);
	mdev->known = true;
	mutex_unlock(&mock->devices_lock);
	mock_dirty_change_end(mock);
}

/**
 * mock_dirty_attach() - attach a mock device to a domain
 * @domain: domain that @dev will translate through; may be one that does not
 *	    track, or does not translate
 * @dev: mock device
 * @dev_flags: its flags
 *
 * Return: 0; -ENOMEM; -EINVAL if the domain tracks and the device cannot;
 *	   -EBUSY if it cannot now; what a test wants it to fail with. On
 *	   failure the device stays where it was.
 */
int mock_dirty_attach(struct iommu_domain *domain, struct device *dev,
		      unsigned long dev_flags)
{
	struct mock_dirty_dev *mdev = dev_get_drvdata(dev);
	struct mock_dirty *mock = to_mock_dirty(domain);
	int rc;

	if (mock) {
		if (dev_flags & MOCK_FLAGS_DEVICE_NO_DIRTY) {
			mock_dirty_fault(mock, MOCK_DIRTY_FAULT_INCAPABLE);
			return -EINVAL;
		}
		if ((dev_flags & MOCK_DIRTY_DEVICE_NOT_WHILE_ON) &&
		    domain->dirty_enabled)
			return -EBUSY;
		rc = mock_dirty_fail(mock, MOCK_DIRTY_FAIL_ATTACH);
		if (rc)
			return rc;
		if (!mdev)
			mdev = mock_dirty_dev_alloc(dev);
		if (!mdev)
			return -ENOMEM;
	}
	if (mdev)
		mock_dirty_leave(mdev);
	if (mock)
		mock_dirty_enter(mdev, mock);
	return 0;
}

/**
 * mock_dirty_release() - forget a mock device
 * @dev: mock device that is attached to nothing
 */
void mock_dirty_release(struct device *dev)
{
	struct mock_dirty_dev *mdev = dev_get_drvdata(dev);

	if (!mdev)
		return;
	dev_set_drvdata(dev, NULL);
	if (mdev->thread)
		kthread_stop(mdev->thread);
	WARN_ON(mdev->mock);
	kvfree(mdev->log);
	kvfree(mdev->tlb);
	kfree(mdev);
}

/**
 * mock_dirty_switch() - switch every attached device
 * @mock: domain
 * @enable: on or off
 */
void mock_dirty_switch(struct mock_dirty *mock, bool enable)
{
	struct mock_dirty_dev *mdev;

	mutex_lock(&mock->devices_lock);
	list_for_each_entry(mdev, &mock->devices, item) {
		if (!mdev->known)
			continue;
		mutex_lock(&mdev->lock);
		mdev->tracks = enable;
		mock_tlb_drop(mdev, 0, ULONG_MAX, ~0UL);
		mutex_unlock(&mdev->lock);
	}
	mutex_unlock(&mock->devices_lock);
}

/**
 * mock_dirty_invalidate() - invalidate cached translations of every device
 * @mock: domain
 * @iova: first IOVA
 * @last: last IOVA
 * @sizes: bit n set: of leaves of 2^n bytes
 * @unmap: it is an unmap, which reaches devices that are being attached
 */
void mock_dirty_invalidate(struct mock_dirty *mock, unsigned long iova,
			   unsigned long last, unsigned long sizes,
			   bool unmap)
{
	struct mock_dirty_dev *mdev;

	mutex_lock(&mock->devices_lock);
	list_for_each_entry(mdev, &mock->devices, item) {
		if (!mdev->known && !unmap)
			continue;
		mutex_lock(&mdev->lock);
		mock_tlb_drop(mdev, iova, last, sizes);
		if (!unmap)
			mdev->flushed = mdev->writes;
		mutex_unlock(&mdev->lock);
	}
	mutex_unlock(&mock->devices_lock);
}

/**
 * mock_dirty_write() - have a device access the pages of a range
 * @dev: mock device
 * @iova: first IOVA
 * @last: last IOVA
 * @write: write or read
 *
 * Return: 0; -ENXIO if the device is not attached to a domain that tracks;
 *	   -EFAULT if a page is not mapped so.
 */
int mock_dirty_write(struct device *dev, unsigned long iova,
		     unsigned long last, bool write)
{
	struct mock_dirty_dev *mdev = dev_get_drvdata(dev);
	int rc = 0;

	if (!mdev)
		return -ENXIO;
	iova = round_down(iova, BIT(MOCK_PT_PAGE_SHIFT));
	mutex_lock(&mdev->lock);
	for (; !rc && iova <= last; iova += BIT(MOCK_PT_PAGE_SHIFT))
		rc = mock_dirty_access(mdev, iova, write);
	mutex_unlock(&mdev->lock);
	return rc;
}

/* Mostly writes; what is read is cached as clean or dirty, as it is. */
static int mock_dirty_thread(void *data)
{
	struct mock_dirty_dev *mdev = data;

	while (!kthread_should_stop()) {
		u32 random = prandom_u32_state(&mdev->random);
		unsigned int page = (random >> 2) % mdev->run_pages;
		unsigned long iova = (mdev->run_page + page)
				     << MOCK_PT_PAGE_SHIFT;
		bool write = random & 3;

		mutex_lock(&mdev->lock);
		if (!mock_dirty_access(mdev, iova, write) && write)
			mdev->log[page] = ++mdev->writes;
		mutex_unlock(&mdev->lock);
		cond_resched();
	}
	return 0;
}

/**
 * mock_dirty_run() - have a device write until mock_dirty_stop()
 * @dev: mock device
 * @iova: first IOVA
 * @last: last IOVA
 * @seed: of the order
 *
 * Return: 0; -ENXIO if the device was never attached to a domain that tracks;
 *	   -EBUSY if it is running; -EINVAL if the range is empty or too large;
 *	   -ENOMEM.
 */
int mock_dirty_run(struct device *dev, unsigned long iova, unsigned long last,
		   u64 seed)
{
	struct mock_dirty_dev *mdev = dev_get_drvdata(dev);
	unsigned long page = iova >> MOCK_PT_PAGE_SHIFT;
	unsigned long pages = (last >> MOCK_PT_PAGE_SHIFT) - page + 1;
	struct task_struct *thread;
	int rc = 0;
	u32 *log;

	if (!mdev)
		return -ENXIO;
	if (last < iova || pages > MOCK_RUN_MAX_PAGES)
		return -EINVAL;

	mutex_lock(&mdev->run_lock);
	if (mdev->thread) {
		rc = -EBUSY;
		goto out_unlock;
	}
	log = kvcalloc(pages, sizeof(*log), GFP_KERNEL_ACCOUNT);
	if (!log) {
		rc = -ENOMEM;
		goto out_unlock;
	}
	kvfree(mdev->log);
	mdev->log = log;
	mdev->writes = 0;
	mdev->flushed = 0;
	mdev->run_page = page;
	mdev->run_pages = pages;
	prandom_seed_state(&mdev->random, seed);
	thread = kthread_run(mock_dirty_thread, mdev, "mock_dirty");
	if (IS_ERR(thread))
		rc = PTR_ERR(thread);
	else
		mdev->thread = thread;
out_unlock:
	mutex_unlock(&mdev->run_lock);
	return rc;
}

/**
 * mock_dirty_stop() - end mock_dirty_run()
 * @dev: mock device
 *
 * Return: 0, or -ENXIO if it does not run.
 */
int mock_dirty_stop(struct device *dev)
{
	struct mock_dirty_dev *mdev = dev_get_drvdata(dev);
	int rc = -ENXIO;

	if (!mdev)
		return rc;
	mutex_lock(&mdev->run_lock);
	if (mdev->thread) {
		rc = kthread_stop(mdev->thread);
		mdev->thread = NULL;
	}
	mutex_unlock(&mdev->run_lock);
	return rc;
}

/**
 * mock_dirty_log() - copy the log of mock_dirty_run(), running or stopped
 * @dev: mock device
 * @log: filled in with the number of the last write of each page, 0 for none
 * @nr: length of @log; pages beyond the range stay as they are
 * @writes: set to the number of the last write
 * @flushed: set to what that was at the last invalidation
 *
 * Every write up to @writes has been done.
 *
 * Return: 0, or -ENXIO if there is none.
 */
int mock_dirty_log(struct device *dev, u32 *log, unsigned int nr, u32 *writes,
		   u32 *flushed)
{
	struct mock_dirty_dev *mdev = dev_get_drvdata(dev);

	if (!mdev || !mdev->log)
		return -ENXIO;
	mutex_lock(&mdev->run_lock);
	mutex_lock(&mdev->lock);
	memcpy(log, mdev->log, min(nr, mdev->run_pages) * sizeof(*log));
	*writes = mdev->writes;
	*flushed = mdev->flushed;
	mutex_unlock(&mdev->lock);
	mutex_unlock(&mdev->run_lock);
	return 0;
}
