package cli

import (
	"testing"

	"github.com/moby/sys/user"
)

func TestOwner(t *testing.T) {
	names := &userNames{isRead: true, users: []user.User{{Name: "root"}, {Uid: 1}, {Name: "daemon", Uid: 1}, {Name: "also", Uid: 1}}}
	for uid, want := range map[int]string{0: "root", 1: "daemon", 12345: "#12345"} {
		if got := names.owner(uid); got != want {
			t.Errorf("owner(%d) = %q, want %q", uid, got, want)
		}
	}
	if got := (&userNames{}).owner(0); got != "root" {
		t.Errorf("owner(0) with this host's users = %q", got)
	}
}
