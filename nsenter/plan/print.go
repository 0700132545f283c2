package plan

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Print writes the plan for people to read: one line for each step, with the place
// in config.json that asked for it.
func (p *Plan) Print(w io.Writer) error {
	out := bufio.NewWriter(w)
	if p.CloneFlags != 0 {
		fmt.Fprintf(out, "clone  %s\n", bitString(p.CloneFlags, cloneNames))
	}
	for i := range p.Files {
		printFile(out, &p.Files[i])
	}
	for i := range p.IDMaps {
		printIDMap(out, &p.IDMaps[i])
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(out, "%4d  %-16s", i, s.Op.Kind())
		s.Op.visit(&printer{w: out})
		if !s.Origin.IsZero() {
			fmt.Fprintf(out, "  # %s", s.Origin)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

func printFile(w io.Writer, f *File) {
	fmt.Fprintf(w, "file  %q", f.Name)
	switch f.Source {
	case Provided:
		fmt.Fprint(w, " provided")
	case Namespace:
		fmt.Fprintf(w, " namespace %s %q", bitString(f.NSType, cloneNames), f.Path)
	}
	if !f.Origin.IsZero() {
		fmt.Fprintf(w, "  # %s", f.Origin)
	}
	fmt.Fprintln(w)
}

func printIDMap(w io.Writer, m *IDMap) {
	fmt.Fprintf(w, "idmap %q", m.Name)
	if len(m.UIDs)+len(m.GIDs) > 0 {
		fmt.Fprintf(w, " uids=%s gids=%s", rangeString(m.UIDs), rangeString(m.GIDs))
	}
	if m.Recursive {
		fmt.Fprint(w, " recursive")
	}
	fmt.Fprintln(w)
}

func rangeString(ranges []IDRange) string {
	var b strings.Builder
	for i, r := range ranges {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d:%d:%d", r.Container, r.Host, r.Size)
	}
	return b.String()
}

// printer is the visitor behind Print. It omits fields that aren't set.
type printer struct{ w io.Writer }

func (p *printer) str(_ int, name, s string) {
	if s != "" {
		fmt.Fprintf(p.w, " %s=%q", name, s)
	}
}

func (p *printer) vec(_ int, name string, l []string) {
	if len(l) > 0 {
		fmt.Fprintf(p.w, " %s=%q", name, l)
	}
}

func (p *printer) data(_ int, name string, b []byte) {
	switch {
	case len(b) > 64:
		fmt.Fprintf(p.w, " %s=(%d bytes)", name, len(b))
	case len(b) > 0:
		fmt.Fprintf(p.w, " %s=%x", name, b)
	}
}

func (p *printer) num(_ int, name string, n uint64, f format) {
	if n == 0 && (f == formatPropagation || f == formatAttr) {
		return
	}
	switch f {
	case formatDecimal:
		fmt.Fprintf(p.w, " %s=%d", name, n)
	case formatSigned:
		fmt.Fprintf(p.w, " %s=%d", name, int64(n))
	case formatOctal:
		fmt.Fprintf(p.w, " %s=%#o", name, n)
	case formatHex:
		fmt.Fprintf(p.w, " %s=%#x", name, n)
	case formatClone:
		fmt.Fprintf(p.w, " %s=%s", name, bitString(n, cloneNames))
	case formatPropagation:
		fmt.Fprintf(p.w, " %s=%s", name, bitString(n, propagationNames))
	case formatAttr:
		fmt.Fprintf(p.w, " %s=%s", name, bitString(n, attrNames))
	}
}

func (p *printer) flag(_ uint16, name string, on bool) {
	if on {
		fmt.Fprintf(p.w, " %s", name)
	}
}

func (p *printer) file(name string) {
	if name != "" {
		fmt.Fprintf(p.w, " file=%q", name)
	}
}

type bitName struct {
	bits uint64
	name string
}

// bitString returns the names of the bits of n, those without a name in
// hexadecimal.
func bitString(n uint64, names []bitName) string {
	var parts []string
	for _, b := range names {
		if n&b.bits == b.bits {
			parts = append(parts, b.name)
			n &^= b.bits
		}
	}
	if n != 0 || len(parts) == 0 {
		parts = append(parts, fmt.Sprintf("%#x", n))
	}
	return strings.Join(parts, "|")
}

// The names of bits, by the man page that defines them: namespaces(7),
// mount(2), mount_setattr(2).
var (
	cloneNames = []bitName{
		{0x20000, "mount"}, {0x2000000, "cgroup"}, {0x4000000, "uts"}, {0x8000000, "ipc"},
		{0x10000000, "user"}, {0x20000000, "pid"}, {0x40000000, "network"}, {0x80, "time"},
	}
	propagationNames = []bitName{
		{1 << 14, "rec"}, {1 << 17, "unbindable"}, {1 << 18, "private"}, {1 << 19, "slave"}, {1 << 20, "shared"},
	}
	attrNames = []bitName{
		{0x70, "atime-mask"}, {0x1, "ro"}, {0x2, "nosuid"}, {0x4, "nodev"}, {0x8, "noexec"},
		{0x10, "noatime"}, {0x20, "strictatime"}, {0x80, "nodiratime"}, {0x200000, "nosymfollow"},
	}
)
