#pragma once
// SINTER_API marks what libsinter exports; everything else stays hidden.
//
// Mark a class that users call (all its members and its type information are exported), a free function, and every
// exception type: an unmarked one would not be recognised by a `catch` on the other side of the library's border.
// Templates and inline functions need no mark. Tests link the object files themselves and so see everything.

#define SINTER_API __attribute__((visibility("default")))
