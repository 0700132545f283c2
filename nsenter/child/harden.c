/* What a C library does before main for programs that are built as position-independent
 * executables, and with stack protectors. */
#include "child.h"
#include <linux/auxvec.h>
#include <linux/elf.h>

#if defined(__x86_64__)
#define RELATIVE 8 /* R_X86_64_RELATIVE */
#elif defined(__aarch64__)
#define RELATIVE 1027 /* R_AARCH64_RELATIVE */
#elif defined(__riscv)
#define RELATIVE 3 /* R_RISCV_RELATIVE */
#endif

extern const Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));
extern char __ehdr_start[] __attribute__((visibility("hidden"))); /* linked at address 0 */

/* The compiler puts this value between the variables of a function and its return
 * address, and compares it when the function returns. */
unsigned long __stack_chk_guard;

/* __stack_chk_fail ends the process: somebody has written beyond the end of an array. */
__attribute__((noreturn)) void __stack_chk_fail(void) { __builtin_trap(); }

/* relocate adds the address at which the kernel has mapped the image to the pointers
 * in its data. */
__attribute__((no_stack_protector)) static void relocate(void)
{
	const Elf64_Rela *rela = NULL;
	unsigned long size = 0;

	for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_RELA)
			rela = (const Elf64_Rela *)(__ehdr_start + d->d_un.d_ptr);
		if (d->d_tag == DT_RELASZ)
			size = d->d_un.d_val;
	}
	for (const Elf64_Rela *end = rela + size / sizeof(*rela); rela && rela < end; rela++) {
		if (ELF64_R_TYPE(rela->r_info) != RELATIVE)
			__builtin_trap();
		*(unsigned long *)(__ehdr_start + rela->r_offset) =
			(unsigned long)__ehdr_start + rela->r_addend;
	}
}

/* harden prepares the process for every other function. The stack is that of execve(2):
 * the number of arguments, the arguments, the environment, the auxiliary vector. */
__attribute__((no_stack_protector)) void harden(long *stack)
{
	long *word = stack + 1 + stack[0] + 1;

	relocate();
	while (*word++)
		;
	for (; word[0] != AT_NULL; word += 2)
		if (word[0] == AT_RANDOM)
			/* The lowest byte is 0, so that no string can have the value. */
			__stack_chk_guard = *(unsigned long *)word[1] & ~0xffUL;
}
