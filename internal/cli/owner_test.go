package cli

import "testing"

func TestUserName(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\n+::::::\n\ndaemon:x:1:1::/:\nalso:x:1:1::/:\nshort:x\n"
	for uid, want := range map[int]string{0: "root", 1: "daemon", 2: ""} {
		if got := userName(passwd, uid); got != want {
			t.Errorf("userName(%d) = %q, want %q", uid, got, want)
		}
	}
	if got := (&userNames{passwd: passwd, isRead: true}).owner(12345); got != "#12345" {
		t.Errorf("owner(12345) = %q, want #12345", got)
	}
}
