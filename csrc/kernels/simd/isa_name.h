// The name of the ISA that a file is compiled for, as text: that of its namespace.
#pragma once

#define LLMAGENTOS_TEXT_OF(x) #x
#define LLMAGENTOS_TEXT(x) LLMAGENTOS_TEXT_OF(x)
#define LLMAGENTOS_ISA_NAME LLMAGENTOS_TEXT(LLMAGENTOS_ISA)
