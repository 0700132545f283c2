package cli

import (
	"strconv"

	"github.com/moby/sys/user"
)

// userNames looks up the names of users. It reads /etc/passwd once.
type userNames struct {
	users  []user.User
	isRead bool
}

// owner returns the name of a user, or "#uid" if it has none.
func (u *userNames) owner(uid int) string {
	if !u.isRead {
		u.users, _ = user.ParsePasswdFile("/etc/passwd") // without it, users have no names
		u.isRead = true
	}
	for i := range u.users {
		if u.users[i].Uid == uid && u.users[i].Name != "" {
			return u.users[i].Name
		}
	}
	return "#" + strconv.Itoa(uid)
}
