package plan

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/runnel/runnel/internal/place"
)

// The layout of an encoded plan. wire.h has the same for C.
const (
	Magic      = 0x314e4c504c4e4e52 // "RNNLPLN1"
	headerSize = 48
	opSize     = 80
	strSlots   = 5
	numSlots   = 6
)

// Encode lays the plan out as one flat buffer for the child: a header, the ops,
// and the strings, vectors and data that they refer to by offset. firstFile is
// the child's descriptor of Files[0], socket that of the conversation.
//
// It fails on what can't be told to the kernel: a string with a NUL byte, or a
// file name that isn't in Files.
func (p *Plan) Encode(firstFile, socket int) ([]byte, error) {
	e := encoder{plan: p}
	opsEnd := headerSize + opSize*len(p.Steps)
	e.buf = make([]byte, opsEnd, opsEnd+8192)
	for i := range p.Steps {
		e.at = headerSize + i*opSize
		binary.LittleEndian.PutUint16(e.buf[e.at:], uint16(p.Steps[i].Op.Kind()))
		binary.LittleEndian.PutUint32(e.buf[e.at+4:], ^uint32(0))
		p.Steps[i].Op.visit(&e)
		if e.err != nil {
			return nil, stepError(p.Steps[i], e.err)
		}
	}
	// The last byte is a NUL, so that every string in the buffer ends in it.
	e.buf = append(e.buf, 0)
	h := e.buf[:headerSize]
	binary.LittleEndian.PutUint64(h[0:], Magic)
	binary.LittleEndian.PutUint64(h[8:], uint64(len(e.buf)))
	binary.LittleEndian.PutUint32(h[16:], opSize)
	binary.LittleEndian.PutUint32(h[20:], uint32(len(p.Steps)))
	binary.LittleEndian.PutUint32(h[24:], uint32(firstFile))
	binary.LittleEndian.PutUint32(h[28:], uint32(len(p.Files)))
	binary.LittleEndian.PutUint32(h[32:], uint32(p.PreserveFDs))
	binary.LittleEndian.PutUint32(h[36:], uint32(socket))
	binary.LittleEndian.PutUint32(h[40:], uint32(kindEnd))
	return e.buf, nil
}

func stepError(s Step, err error) error {
	if s.Origin.IsZero() {
		return fmt.Errorf("step %s: %w", s.Op.Kind(), err)
	}
	return place.Wrap(s.Origin, err)
}

// encoder is the visitor that lays out one op at buf[at:].
type encoder struct {
	plan *Plan
	buf  []byte
	at   int
	err  error
}

func (e *encoder) setStr(slot int, offset int) {
	binary.LittleEndian.PutUint32(e.buf[e.at+8+4*slot:], uint32(offset))
}

func (e *encoder) setNum(slot int, n uint64) {
	binary.LittleEndian.PutUint64(e.buf[e.at+32+8*slot:], n)
}

func (e *encoder) place(s string) (offset int) {
	if strings.IndexByte(s, 0) >= 0 {
		e.err = fmt.Errorf("%q has a NUL byte in it", s)
		return 0
	}
	offset = len(e.buf)
	e.buf = append(e.buf, s...)
	e.buf = append(e.buf, 0)
	return offset
}

func (e *encoder) align() {
	for len(e.buf)%8 != 0 {
		e.buf = append(e.buf, 0)
	}
}

// str leaves the offset at 0 for an empty string: the child takes it for absent.
func (e *encoder) str(slot int, _, s string) {
	if s != "" {
		e.setStr(slot, e.place(s))
	}
}

// vec writes an array of offsets that ends in 0; the child turns it into
// pointers where it stands.
func (e *encoder) vec(slot int, _ string, l []string) {
	e.align()
	array := len(e.buf)
	e.buf = append(e.buf, make([]byte, 8*(len(l)+1))...)
	for i, s := range l {
		offset := e.place(s)
		binary.LittleEndian.PutUint64(e.buf[array+8*i:], uint64(offset))
	}
	e.setStr(slot, array)
}

func (e *encoder) data(slot int, _ string, b []byte) {
	e.align()
	e.setStr(slot, len(e.buf))
	e.setNum(slot, uint64(len(b)))
	e.buf = append(e.buf, b...)
}

func (e *encoder) num(slot int, _ string, n uint64, _ base) { e.setNum(slot, n) }

func (e *encoder) flag(bit uint, _ string, on bool) {
	if on {
		f := binary.LittleEndian.Uint16(e.buf[e.at+2:])
		binary.LittleEndian.PutUint16(e.buf[e.at+2:], f|1<<bit)
	}
}

func (e *encoder) file(name string) {
	if name == "" {
		return
	}
	for i := range e.plan.Files {
		if e.plan.Files[i].Name == name {
			binary.LittleEndian.PutUint32(e.buf[e.at+4:], uint32(i))
			return
		}
	}
	e.err = fmt.Errorf("no file %q in the plan", name)
}

func encodeGroups(groups []uint32) []byte {
	b := make([]byte, 0, 4*len(groups))
	for _, g := range groups {
		b = binary.LittleEndian.AppendUint32(b, g)
	}
	return b
}
