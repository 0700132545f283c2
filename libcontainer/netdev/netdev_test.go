package netdev

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
)

const privateNetwork = "RUNNEL_TEST_PRIVATE_NETWORK"

// inPrivateNetwork runs the calling test again, in a process with a network namespace
// of its own. It returns true in that process.
func inPrivateNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(privateNetwork) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	for _, tool := range []string{"ip", "nsenter", "sleep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), privateNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a network namespace: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("in a network namespace:\n%s", out)
	}
	return false
}

// otherNetwork returns the pid of a process in another network namespace.
func otherNetwork(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// ip runs ip(8) in the network namespace of the process pid; 0 is the test's own.
func ip(t *testing.T, pid int, line string) string {
	t.Helper()
	args := append([]string{"ip"}, strings.Fields(line)...)
	if pid != 0 {
		args = append([]string{"nsenter", "-t", strconv.Itoa(pid), "-n"}, args...)
	}
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", line, err, out)
	}
	return string(out)
}

// dummy creates a device that drops what it sends. Not every kernel has the type dummy;
// ifb does as well.
func dummy(t *testing.T, pid int, name, address string) {
	t.Helper()
	for _, kind := range []string{"dummy", "ifb"} {
		if exec.Command("ip", "link", "add", "probe", "type", kind).Run() == nil {
			ip(t, 0, "link del probe")
			ip(t, pid, "link add "+name+" address "+address+" type "+kind)
			return
		}
	}
	t.Skip("this kernel has neither dummy nor ifb devices")
}

// shown describes each device with its name, up, MTU, hardware address, and addresses
// with their scopes.
func shown(t *testing.T, pid int) []string {
	t.Helper()
	var links []struct {
		Name      string   `json:"ifname"`
		Flags     []string `json:"flags"`
		MTU       int      `json:"mtu"`
		Address   string   `json:"address"`
		Addresses []struct {
			Local     string `json:"local"`
			Prefix    int    `json:"prefixlen"`
			Scope     string `json:"scope"`
			Broadcast string `json:"broadcast"`
			Peer      string `json:"address"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(ip(t, pid, "-j address")), &links); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, l := range links {
		if l.Name == "lo" {
			continue
		}
		text := l.Name
		if strings.Contains(" "+strings.Join(l.Flags, " ")+" ", " UP ") {
			text += " up"
		}
		text += fmt.Sprintf(" %d %s", l.MTU, l.Address)
		for _, a := range l.Addresses {
			if a.Scope == "link" && strings.HasPrefix(a.Local, "fe80:") {
				continue // the kernel adds it when the device comes up
			}
			text += fmt.Sprintf(" %s/%d", a.Local, a.Prefix)
			if a.Scope != "global" {
				text += "," + a.Scope
			}
			if a.Broadcast != "" {
				text += ",broadcast=" + a.Broadcast
			}
			if a.Peer != "" {
				text += ",peer=" + a.Peer
			}
		}
		list = append(list, text)
	}
	return list
}

func TestMoveNetDevices(t *testing.T) {
	if !inPrivateNetwork(t) {
		return
	}
	pid := otherNetwork(t)
	// The same name and the same index exist on the other side.
	dummy(t, pid, "d0", "02:00:00:00:00:0a")
	dummy(t, pid, "eth0", "02:00:00:00:00:0b")
	dummy(t, 0, "d0", "02:00:00:00:00:01")
	ip(t, 0, "link set d0 mtu 1400 up")
	ip(t, 0, "address add 10.1.0.1/24 broadcast + dev d0")
	ip(t, 0, "address add 10.1.0.2/24 dev d0 label d0:second")
	ip(t, 0, "address add 10.2.0.1 peer 10.2.0.9/32 dev d0")
	ip(t, 0, "address add 10.3.0.1/24 dev d0 valid_lft 1000 preferred_lft 1000")
	ip(t, 0, "address add 169.254.7.1/16 scope link dev d0")
	ip(t, 0, "address add fd00:1::1/64 dev d0 nodad")
	dummy(t, 0, "d1", "02:00:00:00:00:02")

	n, err := Move(pid, map[string]specs.LinuxNetDevice{"d0": {Name: "net0"}, "d1": {Name: "eth%d"}})
	if err != nil {
		t.Fatalf("Move: %v", err)
	}
	n.Close()
	if left := shown(t, 0); len(left) != 0 {
		t.Errorf("on the host are still %q", left)
	}
	want := []string{
		"net0 up 1400 02:00:00:00:00:01 10.1.0.1/24,broadcast=10.1.0.255 10.2.0.1/32,peer=10.2.0.9 10.1.0.2/24 fd00:1::1/64",
		"eth1 up 1500 02:00:00:00:00:02",
	}
	got := shown(t, pid)
	var arrived []string
	for _, device := range got {
		if strings.HasPrefix(device, "net0 ") || strings.HasPrefix(device, "eth1 ") {
			arrived = append(arrived, device)
		}
	}
	if diff := cmp.Diff(want, arrived); diff != "" {
		t.Errorf("moved (-want +got):\n%s\nall: %q", diff, got)
	}
}

func TestMoveNetDevicesLeavesTheHostAsItWas(t *testing.T) {
	if !inPrivateNetwork(t) {
		return
	}
	pid := otherNetwork(t)
	dummy(t, pid, "taken", "02:00:00:00:00:0c")
	dummy(t, 0, "a0", "02:00:00:00:00:03")
	ip(t, 0, "link set a0 up")
	ip(t, 0, "address add 10.1.0.1/24 dev a0")
	dummy(t, 0, "a1", "02:00:00:00:00:04")
	ip(t, 0, "address add fd00:2::1/64 dev a1")
	host, container := shown(t, 0), shown(t, pid)

	for _, c := range []struct {
		devices map[string]specs.LinuxNetDevice
		says    string
		errno   error
	}{
		{map[string]specs.LinuxNetDevice{"a0": {}, "a1": {Name: "x"}, "b": {}}, `linux.netDevices["b"]: find the device: no such device`, unix.ENODEV},
		{map[string]specs.LinuxNetDevice{"a0": {}, "a1": {Name: "taken"}}, `linux.netDevices["a1"]: a device taken is in the container already`, unix.EEXIST},
		{map[string]specs.LinuxNetDevice{"a0": {Name: "x"}, "a1": {Name: "x"}}, `linux.netDevices["a1"]: a device x is in the container already`, unix.EEXIST},
		{map[string]specs.LinuxNetDevice{"a0": {}, "lo": {Name: "x"}}, `linux.netDevices["lo"]: move the device: invalid argument`, unix.EINVAL},
		{map[string]specs.LinuxNetDevice{"a0": {Name: "%d%d"}}, `linux.netDevices["a0"]: name it %d%d: invalid argument`, unix.EINVAL},
	} {
		_, err := Move(pid, c.devices)
		if !errors.Is(err, c.errno) || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("Move(%v) = %v, want %s", c.devices, err, c.says)
		}
		if diff := cmp.Diff(host, shown(t, 0)); diff != "" {
			t.Errorf("Move(%v) has changed the host (-before +after):\n%s", c.devices, diff)
		}
		if diff := cmp.Diff(container, shown(t, pid)); diff != "" {
			t.Errorf("Move(%v) has changed the container (-before +after):\n%s", c.devices, diff)
		}
	}
}

func TestMoveBackAfterTheProcessHasEnded(t *testing.T) {
	if !inPrivateNetwork(t) {
		return
	}
	pid := otherNetwork(t)
	dummy(t, 0, "a0", "02:00:00:00:00:05")
	ip(t, 0, "address add 10.1.0.1/24 dev a0")
	before := shown(t, 0)
	n, err := Move(pid, map[string]specs.LinuxNetDevice{"a0": {Name: "eth0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for !isZombie(pid) {
	}
	if err := n.MoveBack(); err != nil {
		t.Fatalf("giveBack: %v", err)
	}
	if diff := cmp.Diff(before, shown(t, 0)); diff != "" {
		t.Errorf("given back (-before +after):\n%s", diff)
	}
}

func isZombie(pid int) bool {
	stat, err := procfs.ReadStat(pid)
	return err != nil || stat.IsDead()
}

func TestNetlinkResult(t *testing.T) {
	reply := func(code int32, request int, attribute string) []byte {
		m := make(netlinkMessage, 4+unix.SizeofNlMsghdr+request)
		e := uint32(code)
		m[0], m[1], m[2], m[3] = byte(e), byte(e>>8), byte(e>>16), byte(e>>24)
		m[4] = byte(unix.SizeofNlMsghdr + request)
		if attribute != "" {
			m.addString(nlmsgErrAttrM, attribute)
		}
		return m
	}
	for _, c := range []struct {
		name  string
		flags uint16
		body  []byte
		want  string
	}{
		{"good", 0, reply(0, 0, ""), ""},
		{"an errno", 0, reply(-int32(unix.EPERM), 8, ""), "operation not permitted"},
		{"with words", nlmFAckTLVs, reply(-int32(unix.EINVAL), 8, "no way"), "invalid argument (no way)"},
		{"words that aren't announced", 0, reply(-int32(unix.EINVAL), 8, "no way"), "invalid argument"},
		{"capped", nlmFAckTLVs | nlmFCapped, reply(-int32(unix.EINVAL), 0, "no way"), "invalid argument (no way)"},
		{"too short", 0, []byte{1}, ""},
		{"a size beyond the end", nlmFAckTLVs, append(reply(-int32(unix.EBUSY), 0, "")[:4], 255, 255, 255, 127), "device or resource busy"},
	} {
		got := ""
		if err := netlinkResult(unix.NLMSG_ERROR, c.flags, c.body); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
