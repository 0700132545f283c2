package netdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// address is an address of a network device: a struct ifaddrmsg without the index, and
// those of its attributes that can be set in another namespace.
type address struct {
	family, prefix uint8
	attributes     []attribute
}

type attribute struct {
	kind  uint16
	value []byte
}

// Attributes of linux/if_addr.h that x/sys lacks.
const (
	ifaRtPriority = 9
	ifaProto      = 11
)

// keptAddressFlags are the flags that were set by whoever added an address. The other
// flags describe its state, such as tentative or secondary.
const keptAddressFlags = unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR |
	unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN

// addresses returns the permanent global addresses of a device, of all families, in the
// kernel's order: the first of a network is its primary one.
func (ns *namespace) addresses(index uint32) ([]address, error) {
	m := newNetlinkMessage(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg))
	answers, err := ns.socket.ask(m)
	if err != nil {
		return nil, err
	}
	var list []address
	for _, answer := range answers {
		if a, ok := parseAddress(answer, index); ok {
			list = append(list, a)
		}
	}
	return list, nil
}

// parseAddress parses an answer to RTM_GETADDR. ok reports whether it is a permanent
// global address of the device: IFA_F_PERMANENT and RT_SCOPE_UNIVERSE.
func parseAddress(b []byte, index uint32) (a address, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg || binary.NativeEndian.Uint32(b[4:]) != index || b[3] != unix.RT_SCOPE_UNIVERSE {
		return a, false
	}
	a.family, a.prefix = b[0], b[1]
	flags := uint32(b[2])
	for kind, value := range netlinkAttributes(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_FLAGS: // all flags; the header has room for eight only
			if len(value) == 4 {
				flags = binary.NativeEndian.Uint32(value)
			}
		case unix.IFA_ADDRESS, unix.IFA_LOCAL, unix.IFA_BROADCAST, unix.IFA_ANYCAST, ifaRtPriority, ifaProto:
			// IFA_LABEL isn't kept, because it begins with the device's old name.
			a.attributes = append(a.attributes, attribute{kind, value})
		}
	}
	if flags&unix.IFA_F_PERMANENT == 0 {
		return a, false
	}
	if kept := flags & keptAddressFlags; kept != 0 {
		a.attributes = append(a.attributes, attribute{unix.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, kept)})
	}
	return a, true
}

// addAddress adds an address to a device. It is no error if the device has it.
func (ns *namespace) addAddress(index uint32, a *address) error {
	header := make([]byte, unix.SizeofIfAddrmsg)
	header[0], header[1], header[3] = a.family, a.prefix, unix.RT_SCOPE_UNIVERSE
	binary.NativeEndian.PutUint32(header[4:], index)
	m := newNetlinkMessage(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, header)
	for _, attribute := range a.attributes {
		m.add(attribute.kind, attribute.value)
	}
	_, err := ns.socket.ask(m)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add its address %s: %w", a, err)
	}
	return nil
}

// String returns the address with the length of its prefix.
func (a *address) String() string {
	text := "?"
	for _, attribute := range a.attributes {
		if address, ok := netip.AddrFromSlice(attribute.value); ok && (attribute.kind == unix.IFA_LOCAL || attribute.kind == unix.IFA_ADDRESS && text == "?") {
			text = address.String()
		}
	}
	return fmt.Sprintf("%s/%d", text, a.prefix)
}
