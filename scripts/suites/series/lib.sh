# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the parts of suite series share: the composed tree, and copies of the base.

. "$(dirname "${BASH_SOURCE[0]}")/../part.sh"
rm -rf "${work:?}"/*/
export GIT_AUTHOR_NAME='A Tester' GIT_AUTHOR_EMAIL=tester@localhost
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

# Only what the series touches is checked out. Trees are compared whole.
parts=(Documentation/{admin-guide,driver-api,userspace-api} drivers/iommu
	drivers/vfio/pci include/{linux,trace/events,uapi/linux}
	tools/iommu-dirty tools/testing/iommu-dirty
	tools/testing/selftests/iommu)

# checkout NAME: a repository with the base, where this suite may do as it likes
checkout() {
	rm -rf "${work:?}/$1"
	git clone -q --shared --no-checkout "$top/build/linux/base" "$work/$1" &&
		git_at "$work/$1" sparse-checkout set "${parts[@]}" &&
		git_at "$work/$1" checkout -q -B mine base
}

# same_tree TREE [OTHER]: the composed one, if no other is named
same_tree() {
	[ "$(git_at "$1" rev-parse 'HEAD^{tree}')" = \
		"$(git_at "${2:-$tree}" rev-parse 'HEAD^{tree}')" ]
}
