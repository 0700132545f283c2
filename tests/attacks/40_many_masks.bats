#!/usr/bin/env bats
# 40. Hundreds of masked paths keep the kernel busy with creating and destroying file systems.
# Succeeds: runc 1.1.5, crun 1.8.1
# Verdict: harmless: all masked directories are clones of one mount

load lib

@test "hundreds of masked directories take one file system" {
	mkdir -p rootfs/m
	mkdir rootfs/m/{1..300}
	config '.linux.maskedPaths = [range(300) | "/m/\(. + 1)"]'
	script 'grep -c " /m/" /proc/self/mountinfo; stat -c %d /m/* | sort -u | wc -l'
	ok runtime run c
	prints $'300\n1'
}

@test "and masked files are the same device" {
	mkdir -p rootfs/m
	touch rootfs/m/{1..300}
	config '.linux.maskedPaths = [range(300) | "/m/\(. + 1)"]'
	script 'grep -c " /m/" /proc/self/mountinfo; stat -c %d:%i /m/* | sort -u | wc -l; cat /m/* | wc -c'
	ok runtime run c
	prints $'300\n1\n0'
}
