#include "hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include <sinter/ir/error.h>

#include "one_line.h"

namespace sinter::detail {

namespace {

/// One call at a time: the library may be built without locks of its own, and has one stack of errors.
class Library {
 public:
  Library() : lock_(mutex()) { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  std::lock_guard<std::mutex> lock_;
};

/// An object of the library, closed at the end.
class Handle {
 public:
  explicit Handle(hid_t id) : id_(id) {}
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&&) = delete;
  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_;
};

/// The innermost message of the library's last failure.
std::string library_says() {
  std::string text = "no reason given";
  const H5E_walk2_t take = [](unsigned, const H5E_error2_t* error, void* into) {
    if (error->desc != nullptr) *static_cast<std::string*>(into) = error->desc;
    return herr_t{1};  // the first one is the innermost
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take, &text);
  return text;
}

// ---- Element types ----

struct Spelling {
  DType dtype;
  H5T_class_t kind;
  std::size_t bytes;
  bool is_signed;
};
constexpr Spelling spellings[] = {{DType::f64, H5T_FLOAT, 8, true},   {DType::f32, H5T_FLOAT, 4, true},
                                  {DType::f16, H5T_FLOAT, 2, true},   {DType::i64, H5T_INTEGER, 8, true},
                                  {DType::i32, H5T_INTEGER, 4, true}, {DType::u32, H5T_INTEGER, 4, false},
                                  {DType::u8, H5T_INTEGER, 1, false}};

/// Floats as IEEE 754 has them: 11, 8 or 5 bits of exponent at the top, below the sign.
bool is_ieee(hid_t type, std::size_t bytes) {
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return false;
  const std::size_t expected = bytes == 8 ? 11 : bytes == 4 ? 8 : 5;
  return sign == bytes * 8 - 1 && exponent_bits == expected && mantissa == 0 && exponent == mantissa_bits &&
         mantissa_bits == bytes * 8 - 1 - expected && H5Tget_ebias(type) == (std::size_t{1} << (expected - 1)) - 1;
}

/// Texts of an attribute that have a length each. The library allocates them, also some of those that it then fails to
/// read.
class VariableTexts {
 public:
  VariableTexts(hid_t attribute, hid_t type, hid_t space, std::size_t count)
      : type_(type), space_(space), texts_(count, nullptr) {
    read_ = H5Aread(attribute, type, static_cast<void*>(texts_.data())) >= 0;
  }
  ~VariableTexts() { H5Dvlen_reclaim(type_, space_, H5P_DEFAULT, static_cast<void*>(texts_.data())); }
  VariableTexts(const VariableTexts&) = delete;
  VariableTexts& operator=(const VariableTexts&) = delete;
  bool read() const { return read_; }
  /// Empty where there is none.
  const char* text(std::size_t k) const { return read_ && texts_[k] != nullptr ? texts_[k] : ""; }

 private:
  hid_t type_, space_;
  std::vector<char*> texts_;
  bool read_ = false;
};

/// The text of an attribute; empty when there is none of that kind.
std::string text_attribute(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return {};
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT));
  if (!attribute) return {};
  const Handle type(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
  if (!type || !space || H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1)
    return {};
  constexpr std::size_t longest = 1024;
  const std::size_t size = H5Tget_size(type.get());
  if (H5Tis_variable_str(type.get()) > 0) {
    const VariableTexts texts(attribute.get(), type.get(), space.get(), 1);
    const char* text = texts.text(0);
    return {text, strnlen(text, longest)};
  }
  if (size == 0 || size > longest) return {};
  std::string result(size, '\0');
  if (H5Aread(attribute.get(), type.get(), result.data()) < 0) return {};
  return result.substr(0, result.find('\0'));
}

/// The texts of an attribute that is a row of them, one a line. h5py writes them of one length or each of its own.
std::string lines_attribute(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return {};
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT));
  if (!attribute) return {};
  const Handle type(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
  if (!type || !space || H5Tget_class(type.get()) != H5T_STRING) return {};
  constexpr std::size_t longest = 1 << 20;
  const hssize_t given = H5Sget_simple_extent_npoints(space.get());
  const std::size_t size = H5Tget_size(type.get());
  if (given < 1 || size == 0 || size > longest || static_cast<std::size_t>(given) > longest / size) return {};
  const auto count = static_cast<std::size_t>(given);
  std::string lines;
  if (H5Tis_variable_str(type.get()) > 0) {
    const VariableTexts texts(attribute.get(), type.get(), space.get(), count);
    if (!texts.read()) return {};
    for (std::size_t k = 0; k < count; ++k) lines += std::string(texts.text(k)) + '\n';
    return lines;
  }
  std::string texts(count * size, '\0');
  if (H5Aread(attribute.get(), type.get(), texts.data()) < 0) return {};
  for (std::size_t k = 0; k < texts.size(); k += size) {
    const std::string text = texts.substr(k, size);
    lines += text.substr(0, text.find('\0')) + '\n';
  }
  return lines;
}

class Reader {
 public:
  Reader(const std::string& where, std::span<const std::byte> bytes) : where_(where), file_size_(bytes.size()) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS));
    constexpr std::size_t increment = 1 << 16;
    // The image is copied, and the file is only read; nothing reaches the disk.
    if (H5Pset_fapl_core(access.get(), increment, 0) < 0 ||
        H5Pset_file_image(access.get(), const_cast<std::byte*>(bytes.data()), bytes.size()) < 0)
      fail("cannot be opened: ", library_says());
    file_ = H5Fopen("image", H5F_ACC_RDONLY, access.get());
    if (file_ < 0) fail("is no HDF5 file, or is damaged: ", library_says());
  }
  ~Reader() { H5Fclose(file_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  TensorFile read() {
    const Handle root(H5Gopen2(file_, "/", H5P_DEFAULT));
    if (!root) fail("is damaged: ", library_says());
    read_group(root.get(), "", 0);
    std::sort(tensors_.tensors.begin(), tensors_.tensors.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return std::move(tensors_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    user_error(where_, ": ", one_line(str(parts...)));
  }

  std::vector<std::string> links_of(hid_t group, const std::string& path) {
    std::vector<std::string> names;
    const H5L_iterate_t note = [](hid_t, const char* name, const H5L_info_t*, void* into) {
      static_cast<std::vector<std::string>*>(into)->emplace_back(name);
      return herr_t{0};
    };
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, note, &names) < 0)
      fail("group '", path, "' is damaged: ", library_says());
    return names;
  }

  void read_group(hid_t group, const std::string& path, int depth) {
    constexpr int deepest = 32;
    constexpr std::size_t most_objects = 100'000;
    if (depth > deepest) fail("group '", path, "' lies deeper than ", deepest, " groups; is it within itself?");
    for (const char* attribute : {"layer_names", "weight_names"}) {
      std::string lines = lines_attribute(group, attribute);
      for (int part = 0; part < 1000; ++part) {  // long ones are cut into weight_names0, weight_names1, ...
        const std::string more = lines_attribute(group, str(attribute, part).c_str());
        if (more.empty()) break;
        lines += more;
      }
      if (!lines.empty()) tensors_.metadata[str(path, '@', attribute)] = lines;
    }
    for (const std::string& name : links_of(group, path)) {
      const std::string inner = path.empty() ? name : path + "/" + name;
      if (++objects_ > most_objects) fail("holds more than ", most_objects, " objects");
      H5L_info_t link{};
      if (H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) < 0) fail("'", inner, "' is damaged: ", library_says());
      if (link.type != H5L_TYPE_HARD) fail("'", inner, "' is a link to elsewhere, which is not followed");
      const Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT));
      if (!object) fail("'", inner, "' cannot be opened: ", library_says());
      const H5I_type_t kind = H5Iget_type(object.get());
      if (kind == H5I_GROUP) read_group(object.get(), inner, depth + 1);
      if (kind == H5I_DATASET) tensors_.tensors.emplace_back(inner, read_dataset(object.get(), inner));
    }
  }

  DType dtype_of(hid_t dataset, hid_t type, const std::string& name) const {
    const H5T_class_t kind = H5Tget_class(type);
    const std::size_t bytes = H5Tget_size(type);
    // Keras writes bfloat16, which HDF5 does not know, as two opaque bytes and says so.
    if (kind == H5T_OPAQUE && bytes == 2 && text_attribute(dataset, "dtype") == "bfloat16") return DType::bf16;
    for (const Spelling& s : spellings)
      if (s.kind == kind && s.bytes == bytes && (kind == H5T_FLOAT ? is_ieee(type, bytes) : true) &&
          (kind != H5T_INTEGER || s.is_signed == (H5Tget_sign(type) == H5T_SGN_2)))
        return s.dtype;
    fail("dataset '", name, "' has elements of ", bytes, " bytes that are no f16, bf16, f32, f64, i32, i64, u32 or u8");
  }

  Shape shape_of(hid_t dataset, const std::string& name) const {
    const Handle space(H5Dget_space(dataset));
    const int rank = space && H5Sis_simple(space.get()) > 0 ? H5Sget_simple_extent_ndims(space.get()) : -1;
    if (rank < 0) fail("dataset '", name, "' has no shape: ", library_says());
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    if (rank > 0 && H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) != rank)
      fail("dataset '", name, "' has no shape: ", library_says());
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) extents = {0};
    constexpr hsize_t most = hsize_t{1} << 40;
    hsize_t elements = 1;
    for (const hsize_t extent : extents) {
      if (extent > most || (extent != 0 && elements > most / extent))
        fail("dataset '", name, "' claims more elements than a file can hold");
      elements *= extent;
    }
    return Shape(ir::Ints(extents.begin(), extents.end()));
  }

  /// What a dataset claims has to stand in proportion to what there is of it.
  void expect_plausible(hid_t dataset, std::int64_t bytes, const std::string& name) const {
    constexpr std::uint64_t most_compressed = 100;  // as Keras guards itself
    const Handle layout(H5Dget_create_plist(dataset));
    if (!layout || H5Pget_external_count(layout.get()) != 0 || H5Pget_layout(layout.get()) == H5D_VIRTUAL)
      fail("dataset '", name, "' has its elements in another file, which is not read");
    const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(dataset), file_size_);
    const bool whole = H5Pget_layout(layout.get()) != H5D_CHUNKED;
    if (static_cast<std::uint64_t>(bytes) > (whole ? stored : stored * most_compressed))
      fail("dataset '", name, "' claims ", bytes, " bytes, but takes ", stored, " in the file");
  }

  Array read_dataset(hid_t dataset, const std::string& name) const {
    const Handle type(H5Dget_type(dataset));
    if (!type) fail("dataset '", name, "' has no type: ", library_says());
    const ir::TensorType tensor{dtype_of(dataset, type.get(), name), shape_of(dataset, name)};
    expect_plausible(dataset, tensor.bytes(), name);
    const Handle wanted(H5Tcopy(type.get()));
    if (tensor.dtype != DType::bf16 && H5Tset_order(wanted.get(), H5T_ORDER_LE) < 0)
      fail("dataset '", name, "' cannot be converted: ", library_says());
    std::vector<std::byte> contents(static_cast<std::size_t>(tensor.bytes()));
    if (!contents.empty() && H5Dread(dataset, wanted.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, contents.data()) < 0)
      fail("dataset '", name, "' is damaged: ", library_says());
    return Array::from_bytes(tensor, contents);
  }

  const std::string& where_;
  std::uint64_t file_size_;
  hid_t file_ = -1;
  std::size_t objects_ = 0;
  TensorFile tensors_;
};

// ---- Writing ----

hid_t stored_type(DType dtype) {
  switch (dtype) {
    case DType::f64: return H5T_IEEE_F64LE;
    case DType::f32: return H5T_IEEE_F32LE;
    case DType::i64: return H5T_STD_I64LE;
    case DType::i32: return H5T_STD_I32LE;
    case DType::u32: return H5T_STD_U32LE;
    case DType::u8: return H5T_STD_U8LE;
    default: return -1;
  }
}

class Writer {
 public:
  explicit Writer(const std::string& where) : where_(where) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS));
    constexpr std::size_t increment = 1 << 16;
    checked(H5Pset_fapl_core(access.get(), increment, /*backing_store=*/0));
    file_ = static_cast<hid_t>(checked(H5Fcreate("image", H5F_ACC_TRUNC, H5P_DEFAULT, access.get())));
  }
  ~Writer() {
    if (file_ >= 0) H5Fclose(file_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void add(const Hdf5Group& group) {
    const Handle handle = group_at(group.path);
    if (group.name.empty()) return;
    const Handle type(H5Tcopy(H5T_C_S1)), space(H5Screate(H5S_SCALAR));
    checked(H5Tset_size(type.get(), H5T_VARIABLE));
    checked(H5Tset_cset(type.get(), H5T_CSET_UTF8));
    const Handle attribute(H5Acreate2(handle.get(), "name", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
    checked(attribute.get());
    const char* text = group.name.c_str();
    checked(H5Awrite(attribute.get(), type.get(), static_cast<const void*>(&text)));
  }

  void add(const std::string& path, const Array& array) {
    const std::size_t slash = path.rfind('/');
    const Handle group = group_at(slash == std::string::npos ? "" : path.substr(0, slash));
    const hid_t type = stored_type(array.dtype());
    if (type < 0) user_error(where_, ": '", path, "' is ", array.type(), "; weights are f32 or f64 in such a file");
    std::vector<hsize_t> extents;
    for (const std::int64_t extent : array.shape()) extents.push_back(static_cast<hsize_t>(extent));
    const Handle space(extents.empty() ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(array.rank(), extents.data(), nullptr));
    const Handle dataset(H5Dcreate2(group.get(), path.c_str() + (slash == std::string::npos ? 0 : slash + 1), type,
                                    space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    checked(dataset.get());
    if (array.size() > 0) checked(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes().data()));
  }

  std::string finish() {
    checked(H5Fflush(file_, H5F_SCOPE_GLOBAL));
    const auto size = checked(H5Fget_file_image(file_, nullptr, 0));
    std::string bytes(static_cast<std::size_t>(size), '\0');
    checked(H5Fget_file_image(file_, bytes.data(), bytes.size()));
    return bytes;
  }

 private:
  template <class Result>
  Result checked(Result result) const {
    if (result < 0) user_error(where_, ": cannot be made: ", library_says());
    return result;
  }

  /// The group, made with all above it when it is not there.
  Handle group_at(const std::string& path) {
    if (path.empty()) return Handle(checked(H5Gopen2(file_, "/", H5P_DEFAULT)));
    for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      if (checked(H5Lexists(file_, part.c_str(), H5P_DEFAULT)) == 0)
        H5Idec_ref(checked(H5Gcreate2(file_, part.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      if (end == std::string::npos) return Handle(checked(H5Gopen2(file_, path.c_str(), H5P_DEFAULT)));
    }
  }

  const std::string& where_;
  hid_t file_ = -1;
};

}  // namespace

bool is_hdf5(std::string_view bytes) { return bytes.starts_with("\x89HDF\r\n\x1a\n"); }

TensorFile read_hdf5(const std::string& where, std::span<const std::byte> bytes) {
  const Library library;
  return Reader(where, bytes).read();
}

std::string hdf5_bytes(const std::string& where, const std::vector<Hdf5Group>& groups, const TensorFile& file) {
  const Library library;
  Writer writer(where);
  for (const Hdf5Group& group : groups) writer.add(group);
  for (const auto& [path, array] : file.tensors) writer.add(path, array);
  return writer.finish();
}

}  // namespace sinter::detail
