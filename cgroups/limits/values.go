package limits

import (
	"errors"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Value is a limit of a cgroup as the kernel has it, with what is used of it.
type Value struct {
	Controller string `json:"controller"`
	// File is the control file, whose content Limit is.
	File  string `json:"file"`
	Limit string `json:"limit"`
	// Use is the content of the file that says what is used; "" if there is none.
	Use string `json:"use"`
}

// Pair names the control file of a limit, and that of its use, which may be "".
type Pair struct{ Controller, Limit, Use string }

// ReadValues reads the limits of which the files exist. dir returns the cgroup that has a
// controller's files; nil where the controller isn't available.
func ReadValues(pairs []Pair, dir func(controller string) *cgroupfs.Dir) ([]Value, error) {
	var values []Value
	var failed []error
	for _, p := range pairs {
		d := dir(p.Controller)
		if d == nil {
			continue
		}
		limit, err := d.ReadFile(p.Limit)
		if err != nil {
			if !cgroupfs.IsGone(err) {
				failed = append(failed, err)
			}
			continue
		}
		v := Value{Controller: p.Controller, File: p.Limit, Limit: strings.TrimSpace(limit)}
		if p.Use != "" {
			use, _ := d.ReadFile(p.Use) // without it, the limit is known nevertheless
			v.Use = strings.TrimSpace(use)
		}
		values = append(values, v)
	}
	return values, errors.Join(failed...)
}

// HugetlbPairs returns the pairs of all sizes of huge pages.
func HugetlbPairs(limit, use string) []Pair {
	var pairs []Pair
	for _, size := range PageSizes() {
		prefix := "hugetlb." + size + "."
		pairs = append(pairs, Pair{"hugetlb", prefix + limit, prefix + use}, Pair{"hugetlb", prefix + "rsvd." + limit, prefix + "rsvd." + use})
	}
	return pairs
}

// Deviations returns the changes of a transaction that hasn't begun whose values aren't in
// force. Sizes that the kernel rounds are.
func Deviations(t *cgroupfs.Transaction) []cgroupfs.Change {
	t.ReadBack()
	return slices.DeleteFunc(t.Deviations(), func(c cgroupfs.Change) bool {
		wanted, err := strconv.ParseInt(c.New, 10, 64)
		actual, err2 := strconv.ParseInt(c.Actual, 10, 64)
		return err == nil && err2 == nil && actual <= wanted && wanted-actual < granule(path.Base(c.Path))
	})
}

// granule returns what the kernel rounds the values of a control file to; 1 for nothing.
func granule(file string) int64 {
	switch {
	case strings.HasPrefix(file, "memory."):
		return int64(os.Getpagesize())
	case strings.HasPrefix(file, "hugetlb."):
		size, _, _ := strings.Cut(strings.TrimPrefix(file, "hugetlb."), ".")
		digits := strings.TrimRight(size, "KMGB")
		n, err := strconv.ParseInt(digits, 10, 64)
		unit := strings.IndexByte("KMG", (size + " ")[len(digits)])
		if err == nil && unit >= 0 {
			return n << (10 * (unit + 1))
		}
	}
	return 1
}
