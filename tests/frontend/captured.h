#pragma once

#include <iostream>
#include <sstream>
#include <string>

namespace sinter::testing {

/// Turns std::cerr or std::cout into a string while it lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), saved_(stream.rdbuf(text_.rdbuf())) {}
  ~Captured() { stream_.rdbuf(saved_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostream& stream_;
  std::ostringstream text_;
  std::streambuf* saved_;
};

}  // namespace sinter::testing
