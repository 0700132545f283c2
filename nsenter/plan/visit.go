package plan

// Kind identifies the type of an op. The kinds are in ops_gen.go, in the order of
// the table in ops.go.
type Kind uint16

// String returns the name of the kind in a printed plan, such as "join-process".
func (k Kind) String() string {
	if k == 0 || k >= kindEnd {
		return "?"
	}
	return kindNames[k]
}

// visitor visits the fields of an op: the encoder lays them out, the printer
// shows them. The visit methods in ops_gen.go serve both, so that the two can't
// differ. An offset is that of the field in struct op of wire.h.
type visitor interface {
	str(offset int, name, s string)
	vec(offset int, name string, l []string)
	data(offset int, name string, b []byte)
	num(offset int, name string, n uint64, f format)
	flag(mask uint16, name string, on bool)
	file(name string)
}

// format says how a number is printed.
type format uint8

const (
	formatDecimal format = iota
	formatSigned
	formatOctal
	formatHex
	formatClone
	formatPropagation
	formatAttr
)

// Attr is a set of mount attributes to set and to clear (MOUNT_ATTR_*).
type Attr struct{ Set, Clear uint64 }

// The points at which the child waits for its parent, for Checkpoint. They are
// the numbers of the messages nsenter.Maps and nsenter.Namespaces.
const (
	CheckpointMaps       = 1
	CheckpointNamespaces = 2
)
