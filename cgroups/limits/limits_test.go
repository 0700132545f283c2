package limits

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPageSizes(t *testing.T) {
	got := pageSizes([]string{"hugepages-1048576kB", "hugepages-2048kB", "hugepages-64kB", "other"})
	if diff := cmp.Diff([]string{"64KB", "2MB", "1GB"}, got); diff != "" {
		t.Errorf("pageSizes() (-want +got):\n%s", diff)
	}
}

func TestIsPageSize(t *testing.T) {
	for size, ok := range map[string]bool{
		"64KB": true, "2MB": true, "16GB": true, "": false, "MB": false, "2": false, "2M": false,
		"2BB": false, "2KMB": false, "0MB": false, "-2MB": false, "2MB/..": false, "2mb": false,
	} {
		if got := IsPageSize(size); got != ok {
			t.Errorf("IsPageSize(%q) = %v, want %v", size, got, ok)
		}
	}
}

func TestLists(t *testing.T) {
	for list, ok := range map[string]bool{
		"": true, "0": true, "0-3,7": true, "0, 2\n": true, "0-7:2/4": true, "all": true, "0-N": true, "N": true, ",": true,
		"x": false, "0-": false, "-1": false, "3-1": false, "0-7:2": false, "0-7:a/b": false, "0:1/2": false, "4294967296": false, "0;1": false,
	} {
		var c Compilation
		c.checkList(Field("cpu", "cpus"), list)
		if (len(c.Problems) == 0) != ok {
			t.Errorf("checkList(%q) finds %v, want valid: %v", list, c.Problems, ok)
		}
	}
}
