package plan

import "strings"

// Shapes are the types of the s slots of each kind of op, in the order of Kind:
// s string, v vector of strings, d data, - none. The child checks plans by the
// same table in wire.h; a test compares them.
func Shapes() []string {
	shapes := make([]string, 0, int(kindEnd)-1)
	for _, op := range zeroOps() {
		s := shaper{shape: []byte("-----")}
		op.visit(&s)
		shapes = append(shapes, string(s.shape))
	}
	return shapes
}

// Flag is one bit of an op's flags, by its name in wire.h.
type Flag struct {
	Name string
	Bit  uint
}

// Flags are all flags of all ops.
func Flags() []Flag {
	var flags []Flag
	for _, op := range zeroOps() {
		s := shaper{shape: []byte("-----"), prefix: op.Kind().String()}
		op.visit(&s)
		flags = append(flags, s.flags...)
	}
	return flags
}

func zeroOps() []Op {
	return []Op{
		Cgroup{}, SetUndumpable{}, OOMScoreAdj{}, Session{}, Keyring{}, Affinity{}, Join{}, JoinProcess{}, Unshare{},
		Checkpoint{}, BecomeRoot{}, Fork{}, Loopback{}, Hostname{}, Domainname{}, Proc{},
		Propagation{}, Root{}, Mount{}, Bind{}, Directory{}, Device{}, Symlink{}, Attributes{},
		Hook{}, Mask{}, Readonly{}, Sysctl{}, Label{}, Pivot{}, Console{}, Stdio{}, Umask{},
		Rlimit{}, Scheduler{}, IOPriority{}, Personality{}, MemoryPolicy{}, Home{}, Chdir{},
		Identity{}, NoNewPrivileges{}, Capabilities{}, ResolveExec{}, Created{}, WaitStart{}, Seccomp{}, Exec{},
	}
}

// shaper is the visitor that notes which slots an op uses.
type shaper struct {
	shape  []byte
	prefix string
	flags  []Flag
}

func (s *shaper) str(slot int, _, _ string)          { s.shape[slot] = 's' }
func (s *shaper) vec(slot int, _ string, _ []string) { s.shape[slot] = 'v' }
func (s *shaper) data(slot int, _ string, _ []byte)  { s.shape[slot] = 'd' }
func (s *shaper) num(int, string, uint64, base)      {}
func (s *shaper) file(string)                        {}
func (s *shaper) flag(bit uint, name string, _ bool) {
	name = strings.ToUpper(strings.ReplaceAll(s.prefix+"_"+name, "-", "_"))
	s.flags = append(s.flags, Flag{name, bit})
}
