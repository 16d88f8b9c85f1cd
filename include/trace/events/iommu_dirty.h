/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty tracking: what user space asked for, and what came of it
 *
 * One event for a call, not for a window or a leaf: they show who is to blame
 * when a migration does not converge, and are not in the way of it. Figures that
 * only an event wants are not gathered unless it is enabled.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_dirty

#if !defined(_TRACE_IOMMU_DIRTY_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_IOMMU_DIRTY_H

#include <linux/tracepoint.h>
#include <uapi/linux/iommufd.h>

TRACE_DEFINE_ENUM(IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);

TRACE_EVENT(iommu_dirty_set,
	    TP_PROTO(u32 hwpt, bool enable, u64 ns, int rc),
	    TP_ARGS(hwpt, enable, ns, rc),

	    TP_STRUCT__entry(__field(u32, hwpt)
			     __field(bool, enable)
			     __field(u64, ns)
			     __field(int, rc)),

	    TP_fast_assign(__entry->hwpt = hwpt;
			   __entry->enable = enable;
			   __entry->ns = ns;
			   __entry->rc = rc;),

	    TP_printk("hwpt=%u enable=%d ns=%llu rc=%d", __entry->hwpt,
		      __entry->enable, __entry->ns, __entry->rc)
);

/*
 * @pages counts the bits that became set, so that of a bitmap which several
 * HWPTs report into, each page is counted once.
 */
TRACE_EVENT(iommu_dirty_read,
	    TP_PROTO(const struct iommu_hwpt_get_dirty_bitmap *cmd, u64 pages,
		     u32 windows, u64 ns, int rc),
	    TP_ARGS(cmd, pages, windows, ns, rc),

	    TP_STRUCT__entry(__field(u64, iova)
			     __field(u64, last)
			     __field(u64, page_size)
			     __field(u64, pages)
			     __field(u64, ns)
			     __field(u32, hwpt)
			     __field(u32, flags)
			     __field(u32, windows)
			     __field(int, rc)),

	    TP_fast_assign(__entry->iova = cmd->iova;
			   __entry->last = cmd->iova + cmd->length - 1;
			   __entry->page_size = cmd->page_size;
			   __entry->pages = pages;
			   __entry->ns = ns;
			   __entry->hwpt = cmd->hwpt_id;
			   __entry->flags = cmd->flags;
			   __entry->windows = windows;
			   __entry->rc = rc;),

	    TP_printk("hwpt=%u iova=0x%llx last=0x%llx page_size=%llu flags=%s pages=%llu windows=%u ns=%llu rc=%d",
		      __entry->hwpt, __entry->iova, __entry->last,
		      __entry->page_size,
		      __print_flags(__entry->flags, "|",
				    { IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR,
				      "NO_CLEAR" }),
		      __entry->pages, __entry->windows, __entry->ns, __entry->rc)
);

/* @pages counts as above; @unmapped: bytes */
TRACE_EVENT(iommu_dirty_unmap,
	    TP_PROTO(u32 ioas, u64 iova, u64 last, u64 page_size, u64 pages,
		     u64 unmapped, u64 ns, int rc),
	    TP_ARGS(ioas, iova, last, page_size, pages, unmapped, ns, rc),

	    TP_STRUCT__entry(__field(u64, iova)
			     __field(u64, last)
			     __field(u64, page_size)
			     __field(u64, pages)
			     __field(u64, unmapped)
			     __field(u64, ns)
			     __field(u32, ioas)
			     __field(int, rc)),

	    TP_fast_assign(__entry->iova = iova;
			   __entry->last = last;
			   __entry->page_size = page_size;
			   __entry->pages = pages;
			   __entry->unmapped = unmapped;
			   __entry->ns = ns;
			   __entry->ioas = ioas;
			   __entry->rc = rc;),

	    TP_printk("ioas=%u iova=0x%llx last=0x%llx page_size=%llu pages=%llu unmapped=%llu ns=%llu rc=%d",
		      __entry->ioas, __entry->iova, __entry->last,
		      __entry->page_size, __entry->pages, __entry->unmapped,
		      __entry->ns, __entry->rc)
);

/* @tables: how many there are by now that splitting has added to the HWPT */
DECLARE_EVENT_CLASS(iommu_dirty_shape,
		    TP_PROTO(u32 hwpt, u64 iova, u64 last, const char *how,
			     u64 leaves, u64 tables, u64 ns, int rc),
		    TP_ARGS(hwpt, iova, last, how, leaves, tables, ns, rc),

		    TP_STRUCT__entry(__field(u64, iova)
				     __field(u64, last)
				     __field(u64, leaves)
				     __field(u64, tables)
				     __field(u64, ns)
				     __string(how, how)
				     __field(u32, hwpt)
				     __field(int, rc)),

		    TP_fast_assign(__entry->iova = iova;
				   __entry->last = last;
				   __entry->leaves = leaves;
				   __entry->tables = tables;
				   __entry->ns = ns;
				   __assign_str(how);
				   __entry->hwpt = hwpt;
				   __entry->rc = rc;),

		    TP_printk("hwpt=%u iova=0x%llx last=0x%llx how=%s leaves=%llu tables=%llu ns=%llu rc=%d",
			      __entry->hwpt, __entry->iova, __entry->last,
			      __get_str(how), __entry->leaves,
			      __entry->tables, __entry->ns, __entry->rc)
);

/* Lazily, by a read, whose time it is, or a whole range */
DEFINE_EVENT(iommu_dirty_shape, iommu_dirty_split,
	     TP_PROTO(u32 hwpt, u64 iova, u64 last, const char *how, u64 leaves,
		      u64 tables, u64 ns, int rc),
	     TP_ARGS(hwpt, iova, last, how, leaves, tables, ns, rc)
);

DEFINE_EVENT(iommu_dirty_shape, iommu_dirty_join,
	     TP_PROTO(u32 hwpt, u64 iova, u64 last, const char *how, u64 leaves,
		      u64 tables, u64 ns, int rc),
	     TP_ARGS(hwpt, iova, last, how, leaves, tables, ns, rc)
);

/*
 * What failed, and where. Splitting and joining do what they can: here is what
 * they had to leave, although the call succeeds.
 */
TRACE_EVENT(iommu_dirty_error,
	    TP_PROTO(u32 hwpt, const char *what, u64 iova, int rc),
	    TP_ARGS(hwpt, what, iova, rc),

	    TP_STRUCT__entry(__field(u64, iova)
			     __string(what, what)
			     __field(u32, hwpt)
			     __field(int, rc)),

	    TP_fast_assign(__entry->iova = iova;
			   __assign_str(what);
			   __entry->hwpt = hwpt;
			   __entry->rc = rc;),

	    TP_printk("hwpt=%u what=%s iova=0x%llx rc=%d", __entry->hwpt,
		      __get_str(what), __entry->iova, __entry->rc)
);

#endif /* _TRACE_IOMMU_DIRTY_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
