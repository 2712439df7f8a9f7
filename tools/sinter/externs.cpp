// Functions for externs from a shared library.

#include <dlfcn.h>

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>

#include "commands.h"

namespace sinter::tool {

namespace {

/// The library stays loaded until the program ends: compiled code calls into it.
void* loaded(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) user_error("--externs: cannot load ", library, ": ", dlerror());
  return handle;
}

}  // namespace

Unit with_externs(Unit unit, const std::string& library) {
  if (library.empty()) return unit;
  void* handle = loaded(library);
  const std::vector<ir::ExternCall> calls = std::visit([](const auto& u) { return ir::extern_calls(u); }, unit);
  std::vector<ir::ExternPointer> functions;
  for (const ir::ExternCall& call : calls) {
    ir::ExternFunction function;
    function.name = call.name;
    function.address = reinterpret_cast<sinter_extern_function>(dlsym(handle, call.name.c_str()));
    if (function.address == nullptr)
      user_error("--externs: ", library, " has no function '", call.name, "', which ", ir::where(call.path, "extern"),
                 " calls");
    function.linkable = true;  // whoever links an export links that library too
    functions.push_back(std::make_shared<const ir::ExternFunction>(std::move(function)));
  }
  return std::visit([&](const auto& u) -> Unit { return ir::bind_externs(u, functions); }, unit);
}

}  // namespace sinter::tool
