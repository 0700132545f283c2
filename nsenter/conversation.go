package nsenter

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Conversation is the parent's end of the connection to a child, or that of a
// `start` to a container that waits for it.
type Conversation struct {
	fd   int
	last MessageKind
}

// FD returns the descriptor of the conversation, for poll(2).
func (c *Conversation) FD() int { return c.fd }

// Next waits for the child's next message. It returns ErrGone at the end of the
// conversation. The caller closes the message.
func (c *Conversation) Next() (Message, error) {
	var buf [messageSize + messageText]byte
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(2*4))
	n, oobn, err := receive(c.fd, buf[:], oob)
	if err != nil {
		return Message{}, fmt.Errorf("receive from the child: %w", err)
	}
	if n == 0 {
		return Message{}, ErrGone
	}
	m, err := decodeMessage(buf[:n], c.last)
	if err != nil {
		return Message{}, err
	}
	if m.Kind != Output { // which may come at any time
		c.last = m.Kind
	}
	readControl(&m, oob[:oobn])
	return m, nil
}

func receive(fd int, buf, oob []byte) (n, oobn int, err error) {
	for {
		n, oobn, _, _, err = unix.Recvmsg(fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.ECONNRESET {
			return 0, 0, nil
		}
		if err != unix.EINTR {
			return n, oobn, err
		}
	}
}

// readControl sets the pid from the credentials that the kernel adds, which is the
// sender's in our pid namespace, and the descriptors.
func readControl(m *Message, oob []byte) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	for i := range messages {
		if cred, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			m.Pid = int(cred.Pid)
			continue
		}
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil && len(fds) > 0 {
			m.FD = fds[0]
			if len(fds) > 1 {
				m.Root = fds[1]
			}
		}
	}
}

// Go tells the child to continue.
func (c *Conversation) Go() error { return c.answer(nil) }

// pass tells the child to continue with a descriptor.
func (c *Conversation) pass(fd int) error { return c.answer(unix.UnixRights(fd)) }

func (c *Conversation) answer(control []byte) error {
	var b [messageSize]byte
	m := message{kind: proceed}
	m.put(b[:])
	if err := unix.Sendmsg(c.fd, b[:], control, nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("answer the child: %w", err)
	}
	return nil
}

// Close ends the conversation. A child that waits for an answer exits.
func (c *Conversation) Close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

// ListenStart creates the socket on which a created container waits for `start`.
// The name is relative to the directory dir, so that the length of its path doesn't
// matter.
func ListenStart(dir int, name string) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("start socket: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)})
	if err == nil {
		err = unix.Listen(fd, 8)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("start socket %s: %w", name, err)
	}
	return fd, nil
}

// DialStart connects to the start socket. The error is ECONNREFUSED if no container
// waits there.
func DialStart(dir int, name string) (*Conversation, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("start socket: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("start socket: %w", err)
	}
	return &Conversation{fd: fd, last: Created}, nil
}
