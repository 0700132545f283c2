package plan

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/runnel/runnel/internal/place"
)

// header is the start of an encoded plan. wiregen generates its C counterpart,
// struct plan_header, and put.
type header struct {
	magic       uint64
	total       uint64 // bytes of the whole plan
	opCount     uint32
	firstFile   uint32
	fileCount   uint32
	preserveFDs uint32
	socket      uint32
	trace       uint32 // the descriptor of Plan.Trace; 0 without
}

// noFile is the file of an op that has none.
const noFile = ^uint32(0)

// Encode lays the plan out as one flat buffer for the child: a header, the ops,
// and the strings, vectors and data that they refer to by offset. firstFile is
// the child's descriptor of Files[0], socket that of the conversation. All numbers
// are little-endian, which is the byte order of every architecture that the child
// is built for.
//
// It returns an error for what can't be passed to the kernel, a string with a NUL
// byte, and for a file name that isn't in Files.
func (p *Plan) Encode(firstFile, socket int) ([]byte, error) {
	e := encoder{plan: p}
	opsEnd := headerSize + opSize*len(p.Steps)
	e.buf = make([]byte, opsEnd, opsEnd+8192)
	for i := range p.Steps {
		e.at = headerSize + i*opSize
		binary.LittleEndian.PutUint16(e.buf[e.at:], uint16(p.Steps[i].Op.Kind()))
		binary.LittleEndian.PutUint32(e.buf[e.at+4:], noFile)
		p.Steps[i].Op.visit(&e)
		if e.err != nil {
			return nil, stepError(p.Steps[i], e.err)
		}
	}
	// The last byte is a NUL, so that every string in the buffer ends in it.
	e.buf = append(e.buf, 0)
	h := header{
		magic:       magic,
		total:       uint64(len(e.buf)),
		opCount:     uint32(len(p.Steps)),
		firstFile:   uint32(firstFile),
		fileCount:   uint32(len(p.Files)),
		preserveFDs: uint32(p.PreserveFDs),
		socket:      uint32(socket),
	}
	for i := range p.Files {
		if p.Trace != "" && p.Files[i].Name == p.Trace {
			h.trace = uint32(firstFile + i)
		}
	}
	h.put(e.buf)
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

func (e *encoder) setRef(offset, value int) {
	binary.LittleEndian.PutUint32(e.buf[e.at+offset:], uint32(value))
}

func (e *encoder) appendString(s string) (offset int) {
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

// str leaves the reference at 0 for an empty string, which the child treats as
// absent.
func (e *encoder) str(offset int, _, s string) {
	if s != "" {
		e.setRef(offset, e.appendString(s))
	}
}

// vec writes an array of offsets that ends in 0; the child turns it into
// pointers in place.
func (e *encoder) vec(offset int, _ string, l []string) {
	e.align()
	array := len(e.buf)
	e.buf = append(e.buf, make([]byte, 8*(len(l)+1))...)
	for i, s := range l {
		offset := e.appendString(s) // may move e.buf
		binary.LittleEndian.PutUint64(e.buf[array+8*i:], uint64(offset))
	}
	e.setRef(offset, array)
}

func (e *encoder) data(offset int, _ string, b []byte) {
	e.align()
	e.setRef(offset, len(e.buf))
	e.setRef(offset+4, len(b))
	e.buf = append(e.buf, b...)
}

func (e *encoder) num(offset int, _ string, n uint64, _ format) {
	binary.LittleEndian.PutUint64(e.buf[e.at+offset:], n)
}

func (e *encoder) flag(mask uint16, _ string, on bool) {
	if on {
		f := binary.LittleEndian.Uint16(e.buf[e.at+2:])
		binary.LittleEndian.PutUint16(e.buf[e.at+2:], f|mask)
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

// wordBytes returns the words as the child reads them.
func wordBytes(words []uint32) []byte {
	b := make([]byte, 0, 4*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
