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
