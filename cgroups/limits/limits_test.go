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

func TestCheckPageSize(t *testing.T) {
	for size, ok := range map[string]bool{
		"64KB": true, "2MB": true, "16GB": true, "": false, "MB": false, "2": false, "2M": false,
		"2BB": false, "2KMB": false, "0MB": false, "-2MB": false, "2MB/..": false, "2mb": false,
	} {
		if err := CheckPageSize(0, size); (err == nil) != ok {
			t.Errorf("CheckPageSize(%q) = %v, want ok: %v", size, err, ok)
		}
	}
}
