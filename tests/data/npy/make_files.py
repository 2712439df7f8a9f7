# The files of this folder: python3 make_files.py (numpy 2).
import numpy as np

counting = np.arange(24).reshape(2, 3, 4)
for dtype in ["f4", "f8", "i4", "i8", "u1", "u4", "i1", "i2", "u2", "f2"]:
    np.save(dtype + ".npy", counting.astype(dtype))
np.save("b1.npy", np.array([False, True, True]))
np.save("scalar.npy", np.float32(2.5))
np.save("empty.npy", np.zeros((0, 3), "f4"))
np.save("row.npy", np.arange(5, dtype="f4"))
np.save("fortran.npy", np.asfortranarray(counting.astype("f4")))
np.save("big.npy", counting.astype(">i4"))
with open("version2.npy", "wb") as file:
    np.lib.format.write_array(file, counting.astype("f4"), version=(2, 0))
np.savez("plain.npz", x=counting.astype("f4"), y=counting.astype("u1"))
np.savez_compressed("packed.npz", x=counting.astype("f4"), y=counting.astype("u1"))
