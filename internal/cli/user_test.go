package cli

import "testing"

func TestParseUser(t *testing.T) {
	for _, c := range []struct {
		text     string
		uid, gid uint32
	}{
		{"0", 0, 0}, {"1000", 1000, 0}, {"1000:100", 1000, 100}, {"4294967294:0", 4294967294, 0},
	} {
		if u, err := parseUser(c.text); err != nil || u.UID != c.uid || u.GID != c.gid {
			t.Errorf("parseUser(%q) = %+v, %v, want %d:%d", c.text, u, err, c.uid, c.gid)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"-1", "parsing -1 as int for uid failed: invalid syntax"},
		{"root", "parsing root as int for uid failed: invalid syntax"},
		{"1000x", "parsing 1000x as int for uid failed: invalid syntax"},
		{" 1", "parsing  1 as int for uid failed: invalid syntax"},
		{"+1", "parsing +1 as int for uid failed: invalid syntax"},
		{"0x1", "parsing 0x1 as int for uid failed: invalid syntax"},
		{":5", "parsing  as int for uid failed: invalid syntax"},
		{"1000:", "parsing  as int for gid failed: invalid syntax"},
		{"1:2:3", "parsing 2:3 as int for gid failed: invalid syntax"},
		{"4294967295", "parsing 4294967295 as int for uid failed: value out of range"},
		{"1:4294967296", "parsing 4294967296 as int for gid failed: value out of range"},
	} {
		if u, err := parseUser(c.text); err == nil || err.Error() != c.want {
			t.Errorf("parseUser(%q) = %+v, %v, want %s", c.text, u, err, c.want)
		}
	}
}
