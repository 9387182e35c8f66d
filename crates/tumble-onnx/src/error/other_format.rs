//! Files of other formats, given in place of a model.

tumble_core::errors! {
    /// The format of a file in place of an ONNX model, and the remedy, as the rest of a sentence that begins with its
    /// name.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum OtherFormat {
        /// Structures in XYZ.
        #[error("it holds structures: give the model first and the structures after it")]
        Structures,

        /// ONNX Runtime's own format.
        #[error("it is in ONNX Runtime's own format (.ort): give the .onnx file that it was made from")]
        OnnxRuntime,

        /// Weights without a model.
        #[error(
            "it holds weights only (safetensors): export the model with them, by `tumble-export torch \
             my_module.py:make -o model.onnx` with a function that loads them"
        )]
        Safetensors,

        /// HDF5.
        #[error("it is in the format HDF5: export the model that it belongs to, as docs/export.md describes")]
        Hdf5,

        /// gzip, xz or bzip2.
        #[error("it is compressed: unpack it first")]
        Compressed,

        /// A checkpoint of PyTorch.
        #[error(
            "it is a checkpoint of PyTorch: export it, by `tumble-export pet CHECKPOINT -o model.onnx` for metatrain's \
             PET, `tumble-export orb` for Orb, `tumble-export torch` for any other model"
        )]
        Checkpoint,

        /// A program of `torch.export`.
        #[error(
            "it is a program of torch.export: export the module that it was made from, by `tumble-export torch \
             my_module.py:make -o model.onnx`"
        )]
        ExportedProgram,

        /// A program of `torch.jit`.
        #[error(
            "it is a program of TorchScript: export the checkpoint that it was made from, by `tumble-export pet \
             CHECKPOINT -o model.onnx`, or the module, by `tumble-export torch my_module.py:make -o model.onnx`"
        )]
        TorchScript,

        /// A zip archive.
        #[error("it is an archive (zip): unpack it first")]
        Archive,

        /// A pointer of Git LFS in place of a large file.
        #[error("it is a pointer of Git LFS: fetch the file itself, by `git lfs pull`")]
        LfsPointer,

        /// A web page, a server's answer in place of a file.
        #[error("it is a page of HTML or XML: fetch the file itself")]
        Html,

        /// JSON.
        #[error("it is a text in JSON: give the .onnx file of the model")]
        Json,

        /// Any other text.
        #[error("it is a text: give the .onnx file of the model")]
        Text,
    }
}
