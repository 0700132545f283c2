// Package netdev moves network devices of the host into a container, config-linux.md
// "Network Devices". It uses rtnetlink(7). All it knows about a container is the pid of
// a process in the container's network namespace.
package netdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
)

// Moved holds the network devices that Move has moved. They stay in the container: when
// its network namespace ends, the kernel returns physical devices to the host and
// destroys virtual ones. MoveBack is for a create that fails later, because an error
// has to leave the host as it was. A nil *Moved holds no devices.
type Moved struct {
	host, container namespace
	moved           []device
}

// device is what is needed to undo the move of a network device.
type device struct {
	name      string // on the host
	index     uint32 // in the container
	up        bool   // IFF_UP, on the host
	addresses []address
}

// namespace is one side of a move. fd is the namespace's descriptor, for
// IFLA_NET_NS_FD.
type namespace struct {
	fd     int
	socket *netlink
}

// Move moves devices, which are named as on the host, into the network namespace of the
// process pid, and brings them up there with their addresses. The caller closes the
// result, which is nil if there are no devices. After an error all devices are on the
// host. Errors carry the device's place in config.json.
func Move(pid int, devices map[string]specs.LinuxNetDevice) (*Moved, error) {
	if len(devices) == 0 {
		return nil, nil
	}
	list := place.At("/linux/netDevices")
	n := new(Moved)
	var err error
	if n.host, err = openNamespace(0); err != nil {
		return nil, place.Wrap(list, err)
	}
	if n.container, err = openNamespace(pid); err != nil {
		n.host.close()
		return nil, place.Wrap(list, err)
	}
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		target := devices[name].Name
		if target == "" {
			target = name
		}
		if err := n.move(name, target); err != nil {
			err = place.Wrap(list.Key(name), err)
			if back := n.MoveBack(); back != nil {
				err = fmt.Errorf("%w (and %w)", err, back)
			}
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// Close closes both namespaces. The devices stay where they are.
func (n *Moved) Close() {
	if n == nil {
		return
	}
	n.moved = nil
	n.host.close()
	n.container.close()
}

// move moves the device name of the host. target may contain %d: the kernel replaces it
// by a free number.
func (n *Moved) move(name, target string) error {
	index, flags, err := n.host.device(name)
	if err != nil {
		return fmt.Errorf("find the device: %w", err)
	}
	if !strings.Contains(target, "%d") {
		switch _, _, err := n.container.device(target); {
		case err == nil:
			return fmt.Errorf("a device %s is in the container already: %w", target, unix.EEXIST)
		case !errors.Is(err, unix.ENODEV):
			return fmt.Errorf("look for a device %s in the container: %w", target, err)
		}
	}
	d := device{name: name, up: flags&unix.IFF_UP != 0}
	if d.addresses, err = n.host.addresses(index); err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	if d.index, err = n.host.send(index, n.container); err != nil {
		return fmt.Errorf("move the device: %w", err)
	}
	n.moved = append(n.moved, d)
	return n.container.setUp(d.index, target, d.addresses, true)
}

// MoveBack undoes all moves, the last one first.
func (n *Moved) MoveBack() error {
	if n == nil {
		return nil
	}
	var failed []error
	for _, d := range slices.Backward(n.moved) {
		index, err := n.container.send(d.index, n.host)
		if err == nil {
			err = n.host.setUp(index, d.name, d.addresses, d.up)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("move network device %s back: %w", d.name, err))
		}
	}
	n.moved = nil
	return errors.Join(failed...)
}

// openNamespace opens the network namespace of the process pid, 0 for that of this
// process, and a netlink socket in it. A thread enters the namespace to create the
// socket. If the thread can't return, it ends with its goroutine, which stays locked to
// it.
func openNamespace(pid int) (namespace, error) {
	ns := namespace{fd: -1}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var own int
		if own, err = procfs.OpenNamespace(0, "net"); err != nil {
			runtime.UnlockOSThread()
			return
		}
		defer unix.Close(own)
		if ns.fd, err = procfs.OpenNamespace(pid, "net"); err != nil {
			runtime.UnlockOSThread()
			return
		}
		if err = unix.Setns(ns.fd, unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("enter the network namespace of pid %d: %w", pid, err)
			runtime.UnlockOSThread()
			return
		}
		ns.socket, err = openNetlink()
		if unix.Setns(own, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	<-done
	if err != nil {
		ns.close()
	}
	return ns, err
}

func (ns *namespace) close() {
	if ns.socket != nil {
		ns.socket.close()
	}
	if ns.fd >= 0 {
		unix.Close(ns.fd)
	}
	ns.fd, ns.socket = -1, nil
}

// ifInfo returns a struct ifinfomsg.
func ifInfo(index, flags, change uint32) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], index)
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], change)
	return b
}

// device returns the index and the flags of the device with a name. The error matches
// ENODEV if there is none.
func (ns *namespace) device(name string) (index, flags uint32, err error) {
	m := newNetlinkMessage(unix.RTM_GETLINK, 0, ifInfo(0, 0, 0))
	m.addString(unix.IFLA_IFNAME, name)
	answers, err := ns.socket.ask(m)
	if err != nil {
		return 0, 0, err
	}
	if len(answers) != 1 || len(answers[0]) < unix.SizeofIfInfomsg {
		return 0, 0, unix.EPROTO
	}
	return binary.NativeEndian.Uint32(answers[0][4:]), binary.NativeEndian.Uint32(answers[0][8:]), nil
}

// send moves a device to another namespace and returns its index there, which may
// differ. In the other namespace the device is down and has no addresses. Its name
// there is one that no other device has, because its own may be in use.
func (ns *namespace) send(index uint32, to namespace) (uint32, error) {
	name := fmt.Sprintf("runnel-%x", index)
	m := newNetlinkMessage(unix.RTM_NEWLINK, 0, ifInfo(index, 0, 0))
	m.addUint32(unix.IFLA_NET_NS_FD, uint32(to.fd))
	m.addString(unix.IFLA_IFNAME, name)
	if _, err := ns.socket.ask(m); err != nil {
		return 0, err
	}
	index, _, err := to.device(name)
	return index, err
}

// setUp sets the name and the addresses of a device that was moved, and with up brings
// it up.
func (ns *namespace) setUp(index uint32, name string, addresses []address, up bool) error {
	m := newNetlinkMessage(unix.RTM_NEWLINK, 0, ifInfo(index, 0, 0))
	m.addString(unix.IFLA_IFNAME, name)
	if _, err := ns.socket.ask(m); err != nil {
		return fmt.Errorf("name it %s: %w", name, err)
	}
	for i := range addresses {
		if err := ns.addAddress(index, &addresses[i]); err != nil {
			return err
		}
	}
	if !up {
		return nil
	}
	m = newNetlinkMessage(unix.RTM_NEWLINK, 0, ifInfo(index, unix.IFF_UP, unix.IFF_UP))
	if _, err := ns.socket.ask(m); err != nil {
		return fmt.Errorf("set it up: %w", err)
	}
	return nil
}
