package cli

import (
	"os"
	"strconv"
	"strings"
)

// userNames looks up the names of users. It reads /etc/passwd once.
type userNames struct {
	passwd string
	isRead bool
}

// owner returns the name of a user, or "#uid" if it has none.
func (u *userNames) owner(uid int) string {
	if !u.isRead {
		content, _ := os.ReadFile("/etc/passwd") // without it, users have no names
		u.passwd, u.isRead = string(content), true
	}
	if name := userName(u.passwd, uid); name != "" {
		return name
	}
	return "#" + strconv.Itoa(uid)
}

// userName returns the name of uid in the text of a passwd(5) file, or "".
func userName(passwd string, uid int) string {
	want := strconv.Itoa(uid)
	for line := range strings.Lines(passwd) {
		if fields := strings.SplitN(line, ":", 4); len(fields) == 4 && fields[2] == want {
			return fields[0]
		}
	}
	return ""
}
