package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// parseUser parses "uid[:gid]" and accepts nothing else: a lenient parser once took a
// name for root (CVE-2026-30892).
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

// parseID parses a uid or gid. 2^32-1 means "unchanged" to the kernel.
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	var detail *strconv.NumError
	if errors.As(err, &detail) {
		err = detail.Err // the message has the text already
	}
	return uint32(n), err
}
