//go:build cgo && !embed_libseccomp && !no_libseccomp

package compiler

import libseccomp "github.com/seccomp/libseccomp-golang"

// libseccomp-golang has enumerations of its own for what libseccomp and the kernel
// number. The functions below translate the numbers of a Request.

// archOf returns the architecture with libseccomp's token.
func archOf(token uint32) (arch libseccomp.ScmpArch, ok bool) {
	switch token {
	case 0x40000003:
		return libseccomp.ArchX86, true
	case 0xc000003e:
		return libseccomp.ArchAMD64, true
	case 0x4000003e:
		return libseccomp.ArchX32, true
	case 0x40000028:
		return libseccomp.ArchARM, true
	case 0xc00000b7:
		return libseccomp.ArchARM64, true
	case 0xc0000102:
		return libseccomp.ArchLOONGARCH64, true
	case 0x00000004:
		return libseccomp.ArchM68K, true
	case 0x00000008:
		return libseccomp.ArchMIPS, true
	case 0x80000008:
		return libseccomp.ArchMIPS64, true
	case 0xa0000008:
		return libseccomp.ArchMIPS64N32, true
	case 0x40000008:
		return libseccomp.ArchMIPSEL, true
	case 0xc0000008:
		return libseccomp.ArchMIPSEL64, true
	case 0xe0000008:
		return libseccomp.ArchMIPSEL64N32, true
	case 0x0000000f:
		return libseccomp.ArchPARISC, true
	case 0x8000000f:
		return libseccomp.ArchPARISC64, true
	case 0x00000014:
		return libseccomp.ArchPPC, true
	case 0x80000015:
		return libseccomp.ArchPPC64, true
	case 0xc0000015:
		return libseccomp.ArchPPC64LE, true
	case 0xc00000f3:
		return libseccomp.ArchRISCV64, true
	case 0x00000016:
		return libseccomp.ArchS390, true
	case 0x80000016:
		return libseccomp.ArchS390X, true
	case 0x4000002a:
		return libseccomp.ArchSH, true
	case 0x0000002a:
		return libseccomp.ArchSHEB, true
	}
	return libseccomp.ArchInvalid, false
}

// actionOf returns the action with libseccomp's number, in which the low 16 bits
// are the errno.
func actionOf(number uint32) (action libseccomp.ScmpAction, ok bool) {
	code := int16(number)
	switch number & 0xffff0000 {
	case 0x80000000:
		return libseccomp.ActKillProcess, code == 0
	case 0x00000000:
		return libseccomp.ActKillThread, code == 0
	case 0x00030000:
		return libseccomp.ActTrap, code == 0
	case 0x00050000:
		return libseccomp.ActErrno.SetReturnCode(code), true
	case 0x7fc00000:
		return libseccomp.ActNotify, code == 0
	case 0x7ff00000:
		return libseccomp.ActTrace.SetReturnCode(code), true
	case 0x7ffc0000:
		return libseccomp.ActLog, code == 0
	case 0x7fff0000:
		return libseccomp.ActAllow, code == 0
	}
	return libseccomp.ActInvalid, false
}

// operatorOf returns the operator with libseccomp's number (enum scmp_compare).
func operatorOf(number uint32) (op libseccomp.ScmpCompareOp, ok bool) {
	switch number {
	case 1:
		return libseccomp.CompareNotEqual, true
	case 2:
		return libseccomp.CompareLess, true
	case 3:
		return libseccomp.CompareLessOrEqual, true
	case 4:
		return libseccomp.CompareEqual, true
	case 5:
		return libseccomp.CompareGreaterEqual, true
	case 6:
		return libseccomp.CompareGreater, true
	case 7:
		return libseccomp.CompareMaskedEqual, true
	}
	return libseccomp.CompareInvalid, false
}

// numberRanges returns the numbers among which an architecture has its system calls, each
// range with both ends.
func numberRanges(token uint32) [][2]uint32 {
	const common = 1023 // Linux 6.18 has numbers up to 469
	from := func(first uint32) [2]uint32 { return [2]uint32{first, first + common} }
	switch token {
	case 0x4000003e: // x32
		return [][2]uint32{from(0x40000000)}
	case 0x40000028: // ARM, with its private ones
		return [][2]uint32{from(0), {0xf0001, 0xf0006}}
	case 0x00000008, 0x40000008: // MIPS, O32
		return [][2]uint32{from(4000)}
	case 0x80000008, 0xc0000008: // MIPS, N64
		return [][2]uint32{from(5000)}
	case 0xa0000008, 0xe0000008: // MIPS, N32
		return [][2]uint32{from(6000)}
	}
	return [][2]uint32{from(0)}
}
