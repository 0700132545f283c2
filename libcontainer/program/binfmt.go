package program

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const binfmtDir = "/proc/sys/fs/binfmt_misc"

// binfmtHandler is an entry of binfmt_misc: it assigns an interpreter of the host to
// files with a magic number or a file name extension. Kernel documentation,
// admin-guide/binfmt-misc.
type binfmtHandler struct {
	isEnabled   bool
	interpreter string
	extension   string // with the dot, such as ".jar"; "" if the entry has a magic number
	magic, mask []byte
	offset      int
}

// FindHandler returns the interpreter that the host's binfmt_misc assigns to a file
// with this name and beginning; "" if there is none.
func FindHandler(name string, head []byte) string {
	entries, err := os.ReadDir(binfmtDir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(binfmtDir, e.Name()))
		if err != nil {
			continue
		}
		if h := parseHandler(string(text)); h.isEnabled && h.matches(name, head) {
			return h.interpreter
		}
	}
	return ""
}

// parseHandler parses a file of binfmt_misc.
func parseHandler(text string) (h binfmtHandler) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "enabled":
			h.isEnabled = true
		case "interpreter":
			h.interpreter = value
		case "extension":
			h.extension = value
		case "offset":
			h.offset, _ = strconv.Atoi(value)
		case "magic":
			h.magic, _ = hex.DecodeString(value)
		case "mask":
			h.mask, _ = hex.DecodeString(value)
		}
	}
	return h
}

// matches reports whether the entry is for a file with this name and beginning.
func (h *binfmtHandler) matches(name string, head []byte) bool {
	if h.extension != "" {
		return filepath.Ext(name) == h.extension
	}
	if len(h.magic) == 0 || h.offset < 0 || len(head) < h.offset+len(h.magic) {
		return false
	}
	begin := bytes.Clone(head[h.offset : h.offset+len(h.magic)])
	for i := range begin {
		if i < len(h.mask) {
			begin[i] &= h.mask[i]
		}
	}
	return bytes.Equal(begin, h.magic)
}
