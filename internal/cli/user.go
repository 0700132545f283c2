package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// parseUser reads "uid[:gid]", all of it or nothing: a lenient reading once made
// root of a name (CVE-2026-30892).
func parseUser(text string) (*specs.User, error) {
	uidText, gidText, hasGID := strings.Cut(text, ":")
	uid, err := parseID(uidText)
	if err != nil {
		return nil, fmt.Errorf("parsing %s as int for uid failed: %w", uidText, err)
	}
	user := &specs.User{UID: uid}
	if hasGID {
		if user.GID, err = parseID(gidText); err != nil {
			return nil, fmt.Errorf("parsing %s as int for gid failed: %w", gidText, err)
		}
	}
	return user, nil
}

func parseGids(texts []string) ([]uint32, error) {
	var gids []uint32
	for _, text := range texts {
		gid, err := parseID(text)
		if err != nil {
			return nil, fmt.Errorf("parsing %s as int for additional gid failed: %w", text, err)
		}
		gids = append(gids, gid)
	}
	return gids, nil
}

// parseID reads a uid or gid. 2^32-1 means "unchanged" to the kernel.
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	var detail *strconv.NumError
	if errors.As(err, &detail) {
		err = detail.Err // the text is in the message already
	}
	return uint32(n), err
}

// userNames gives uids their names, and remembers what it has read.
type userNames struct {
	passwd string
	isRead bool
}

// owner is the name of a user, "#uid" if it has none.
func (u *userNames) owner(uid int) string {
	if !u.isRead {
		content, _ := os.ReadFile("/etc/passwd") // without it, nobody has a name
		u.passwd, u.isRead = string(content), true
	}
	if name := userName(u.passwd, uid); name != "" {
		return name
	}
	return "#" + strconv.Itoa(uid)
}

// userName finds the name of uid in the text of a passwd(5) file.
func userName(passwd string, uid int) string {
	want := strconv.Itoa(uid)
	for line := range strings.Lines(passwd) {
		if fields := strings.SplitN(line, ":", 4); len(fields) == 4 && fields[2] == want {
			return fields[0]
		}
	}
	return ""
}
