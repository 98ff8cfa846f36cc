#include "gateway/openapi.h"

#include <stdint.h>

/* The assembler reads the file: C11 itself cannot. */
__asm__(".section .rodata\n"
	"openapi_begin:\n"
	".incbin \"gateway/openapi.json\"\n"
	"openapi_end:\n"
	".previous\n");

extern const char openapi_begin[], openapi_end[];

struct span openapi_document(void)
{
	return (struct span){openapi_begin,
		(uintptr_t)openapi_end - (uintptr_t)openapi_begin};
}
