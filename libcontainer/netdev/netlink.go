package netdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sys/unix"
)

// netlink is an rtnetlink(7) socket. It belongs to the network namespace in which it
// was created, and keeps the namespace alive.
type netlink struct {
	fd       int
	sequence uint32
}

// openNetlink opens a socket in the network namespace of the calling thread.
func openNetlink() (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	// Ask for the kernel's explanation with each errno. It is no error if it can't.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	return &netlink{fd: fd}, nil
}

func (n *netlink) close() { unix.Close(n.fd) }

// netlinkMessage is a header, followed by the fixed part of the message and attributes.
type netlinkMessage []byte

// newNetlinkMessage returns a request without attributes.
func newNetlinkMessage(kind, flags uint16, fixed []byte) netlinkMessage {
	m := make(netlinkMessage, unix.SizeofNlMsghdr, 128)
	binary.NativeEndian.PutUint16(m[4:], kind)
	binary.NativeEndian.PutUint16(m[6:], flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	return append(m, fixed...)
}

// add appends an attribute.
func (m *netlinkMessage) add(kind uint16, value []byte) {
	b := binary.NativeEndian.AppendUint16(*m, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	*m = b
}

func (m *netlinkMessage) addUint32(kind uint16, value uint32) {
	m.add(kind, binary.NativeEndian.AppendUint32(nil, value))
}

func (m *netlinkMessage) addString(kind uint16, value string) { m.add(kind, append([]byte(value), 0)) }

// netlinkAttributes iterates over the attributes in b, with their kinds and values.
func netlinkAttributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min(len(b), (size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1)):]
		}
	}
}

// errDumpInterrupted is returned if a list has changed while it was read.
var errDumpInterrupted = errors.New("netlink: the list has changed while it was read")

// dumpTries is the number of attempts to read a list that changes while it is read.
const dumpTries = 5

// ask sends a message and returns the answers, without their headers. The error is an
// errno, with the kernel's explanation if there is one.
func (n *netlink) ask(m netlinkMessage) ([][]byte, error) {
	for range dumpTries {
		answers, err := n.askOnce(m)
		if err != errDumpInterrupted {
			return answers, err
		}
	}
	return nil, errDumpInterrupted
}

func (n *netlink) askOnce(m netlinkMessage) ([][]byte, error) {
	n.sequence++
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	binary.NativeEndian.PutUint32(m[8:], n.sequence)
	if err := unix.Sendto(n.fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("netlink: send: %w", err)
	}
	var answers [][]byte
	interrupted := false
	for {
		packet, err := n.receive()
		if err != nil {
			return nil, err
		}
		for len(packet) >= unix.SizeofNlMsghdr {
			size := int(binary.NativeEndian.Uint32(packet))
			if size < unix.SizeofNlMsghdr || size > len(packet) {
				return nil, fmt.Errorf("netlink: a message of %d bytes in %d: %w", size, len(packet), unix.EPROTO)
			}
			kind, flags := binary.NativeEndian.Uint16(packet[4:]), binary.NativeEndian.Uint16(packet[6:])
			ours := binary.NativeEndian.Uint32(packet[8:]) == n.sequence
			body := packet[unix.SizeofNlMsghdr:size]
			packet = packet[min(len(packet), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
			interrupted = interrupted || flags&unix.NLM_F_DUMP_INTR != 0
			switch {
			case !ours: // the rest of a list of an earlier request
			case kind == unix.NLMSG_ERROR || kind == unix.NLMSG_DONE:
				if err := netlinkResult(kind, flags, body); err != nil {
					return nil, err
				}
				if interrupted {
					return nil, errDumpInterrupted
				}
				return answers, nil
			default:
				answers = append(answers, body)
			}
		}
	}
}

// receive returns one packet from the kernel. It drops packets from other senders.
func (n *netlink) receive() ([]byte, error) {
	buf := make([]byte, 64<<10)
	for {
		size, from, err := unix.Recvfrom(n.fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("netlink: receive: %w", err)
		}
		if sender, ok := from.(*unix.SockaddrNetlink); ok && sender.Pid == 0 {
			return buf[:size], nil
		}
	}
}

// Values of linux/netlink.h for answers with an error that x/sys lacks.
const (
	nlmFCapped    = 0x100
	nlmFAckTLVs   = 0x200
	nlmsgErrAttrM = 1
)

// netlinkResult returns the error in an acknowledgement; nil if it reports success.
func netlinkResult(kind, flags uint16, body []byte) error {
	if len(body) < 4 {
		return nil
	}
	code := int32(binary.NativeEndian.Uint32(body))
	if code == 0 {
		return nil
	}
	errno := unix.Errno(-code)
	rest := body[4:]
	if kind == unix.NLMSG_ERROR && len(rest) >= unix.SizeofNlMsghdr {
		// The request comes back between the code and the attributes.
		size := int(binary.NativeEndian.Uint32(rest))
		if flags&nlmFCapped != 0 {
			size = unix.SizeofNlMsghdr
		}
		rest = rest[min(len(rest), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	if flags&nlmFAckTLVs != 0 {
		for kind, value := range netlinkAttributes(rest) {
			if kind == nlmsgErrAttrM {
				return fmt.Errorf("%w (%s)", errno, unix.ByteSliceToString(value))
			}
		}
	}
	return errno
}
