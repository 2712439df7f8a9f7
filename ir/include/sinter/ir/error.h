#pragma once
// The two kinds of failure, kept apart: a UserError means that the model, the file or the data is wrong and says how to
// mend it; an InternalError means that Sinter itself is wrong and should be reported.

#include <sstream>
#include <stdexcept>
#include <string>

#include <sinter/ir/export.h>

namespace sinter {

/// Base of everything Sinter throws.
class SINTER_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

/// The caller's model, file, data or arguments are wrong. The message says what, where, expected, got, and how to mend
/// it.
class SINTER_API UserError : public Error {
 public:
  using Error::Error;
  ~UserError() override;
};

/// A bug in Sinter.
class SINTER_API InternalError : public Error {
 public:
  using Error::Error;
  ~InternalError() override;
};

/// Joins values into one string through `operator<<`; used for messages.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws a UserError made of the parts.
template <class... Parts>
[[noreturn]] void user_error(const Parts&... parts) {
  throw UserError(str(parts...));
}

/// Throws an InternalError made of the parts.
template <class... Parts>
[[noreturn]] void internal_error(const Parts&... parts) {
  throw InternalError(str("internal error: ", parts...));
}

/// Checks an invariant of ours; a failure is a bug in Sinter.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) internal_error(parts...);
}

}  // namespace sinter
