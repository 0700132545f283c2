package host

import (
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func TestLongestMount(t *testing.T) {
	const info = `22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /var rw shared:2 - tmpfs t rw
24 23 0:6 / /var/lib\040x rw - tmpfs t rw
25 22 0:7 / /varied rw - tmpfs t rw
`
	tests := map[string]string{
		"/": "/", "/etc/x": "/", "/var": "/var", "/var/lib": "/var", "/variable": "/",
		"/var/lib x": "/var/lib x", "/var/lib x/y": "/var/lib x",
	}
	for path, want := range tests {
		mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(info), mountinfo.ParentsFilter(path))
		if err != nil {
			t.Fatal(err)
		}
		if got := longestMount(mounts); got != want {
			t.Errorf("longestMount(%q) = %q, want %q", path, got, want)
		}
	}
}
