# SPDX-License-Identifier: GPL-2.0-only
#
# Samples of tools/testing/iommu-dirty/bench to one line a case, times per word:
#
#   case dirt against limit words plain walker quartile median quartile unrolled
#
# plain, walker and unrolled are minima, the quartiles those of walker/plain.

function quantile(n, q,    at) {
	at = int((n - 1) * q + 1.5)
	return ratios[at]
}

function insert(n, ratio,    i) {
	for (i = n; i > 1 && ratios[i - 1] > ratio; i--)
		ratios[i] = ratios[i - 1]
	ratios[i] = ratio
}

function finish() {
	if (n)
		print name, plain / words, walker / words, quantile(n, 0.25),
			quantile(n, 0.5), quantile(n, 0.75), unrolled / words
}

function less(a, b) {
	return a < b ? a : b
}

BEGIN {
	FS = ","
	print "# case dirt against limit words plain walker quartile median quartile unrolled"
}

FNR == 1 { next }

{
	gsub(" ", "-", $3)
	if ($1 " " $2 " " $3 " " $4 " " $6 != name) {
		finish()
		name = $1 " " $2 " " $3 " " $4 " " $6
		words = $6
		n = 0
		plain = $8
		unrolled = $9
		walker = $10
	}
	insert(++n, $10 / $8)
	plain = less(plain, $8)
	unrolled = less(unrolled, $9)
	walker = less(walker, $10)
}

END { finish() }
