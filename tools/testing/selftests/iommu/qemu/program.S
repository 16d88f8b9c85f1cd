/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From real mode into flat 32-bit code, then for ever: the next random number,
 * an address and an offset made from it, the transfer, and a look now and then
 * at whether it is done.  All that it knows is in struct guest_params, at %ebx;
 * %ebp has the device's registers.  %cs:0xf000 in real mode is 0xfffff000.
 */
	.section .rodata
	.global	guest_program, guest_program_end
guest_program:
	.code16
	cli
	lgdtl	%cs:0xf000 + guest_gdtr - guest_program
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$8, $0xfffff000 + guest_flat - guest_program
	.code32
guest_flat:
	movl	$16, %eax
	movw	%ax, %ds
	movl	$0x1000, %ebx
	cmpl	$0, 0(%ebx)
	jne	guest_next
guest_halt:
	hlt
	jmp	guest_halt
guest_next:
	movl	0(%ebx), %eax
	movl	%eax, 36(%ebx)
	testl	%eax, %eax
	jz	guest_next
	movl	4(%ebx), %ebp
	imull	$1664525, 8(%ebx), %eax
	addl	$1013904223, %eax
	movl	%eax, 8(%ebx)
	/* The destination: place and byte */
	movl	%eax, %ecx
	shrl	$16, %ecx
	andl	12(%ebx), %ecx
	imull	16(%ebx), %ecx
	addl	20(%ebx), %ecx
	movl	%eax, %edx
	shrl	$3, %edx
	andl	$0xfff, %edx
	addl	%edx, %ecx
	movl	%ecx, 28(%ebx)
	movl	%ecx, 0x88(%ebp)
	/* The source in the device's buffer */
	shrl	$9, %eax
	andl	$0x7ff, %eax
	movl	%eax, 32(%ebx)
	addl	$0x40000, %eax
	movl	%eax, 0x80(%ebp)
	movl	$2048, 0x90(%ebp)
	movl	$3, 0x98(%ebp)
guest_poll:
	movl	$5000, %ecx
guest_delay:
	decl	%ecx
	jnz	guest_delay
	testl	$1, 0x98(%ebp)
	jnz	guest_poll
	incl	24(%ebx)
	jmp	guest_next
	.balign	8
guest_gdt:
	.quad	0, 0x00cf9a000000ffff, 0x00cf92000000ffff
guest_gdtr:
	.word	23
	.long	0xfffff000 + guest_gdt - guest_program
guest_program_end:

	.section .note.GNU-stack, "", %progbits
