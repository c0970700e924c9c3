//! SFTP, which follows.
