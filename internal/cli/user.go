package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// parseUser reads "uid[:gid]", all of it or nothing: a lenient reading once made
// a user of a name (CVE-2026-30892).
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

// parseID reads a uid or gid. 2^32-1 means "unchanged" to the kernel.
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return uint32(n), err
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
