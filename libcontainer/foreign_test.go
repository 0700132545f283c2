package libcontainer

import "testing"

func TestCommonAncestor(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a/c", "/sys/fs/cgroup/a"},
		{"/sys/fs/cgroup/a", "/sys/fs/cgroup/a/c", "/sys/fs/cgroup/a"},
		{"/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a/bc", "/sys/fs/cgroup/a"},
		{"/sys/fs/cgroup/x/y", "/sys/fs/cgroup/z", "/sys/fs/cgroup"},
		{"/x", "/y", ""},
	} {
		if got := commonAncestor(c.a, c.b); got != c.want {
			t.Errorf("commonAncestor(%s, %s) = %s, want %s", c.a, c.b, got, c.want)
		}
	}
}
