package dev.chancery.server;

import dev.chancery.core.IssuerId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;

/** The home directory: configuration, certificates, secrets and the embedded database. */
record Home(Path directory) {
  private static final Set<PosixFilePermission> PRIVATE_DIRECTORY =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> PRIVATE_FILE =
      PosixFilePermissions.fromString("rw-------");

  /** An existing home of this process's user. */
  static Home open(Path path) throws ConfigurationInvalid {
    Home home = new Home(path.toAbsolutePath().normalize());
    if (!Files.isDirectory(home.directory)) {
      throw new ConfigurationInvalid(
          home.directory + ": there is no such home directory; chancery init makes one");
    }
    home.requireOwner();
    home.requireNoOtherWriter();
    return home;
  }

  /** An existing home of this process's user, or one that {@link #make} will make. */
  static Home planned(Path path) throws ConfigurationInvalid {
    Home home = new Home(path.toAbsolutePath().normalize());
    return Files.exists(home.directory, LinkOption.NOFOLLOW_LINKS) ? open(path) : home;
  }

  /** Makes the home as a private directory when it is not there. */
  void make() throws ConfigurationInvalid {
    try {
      if (!Files.exists(directory)) {
        Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(PRIVATE_DIRECTORY));
      }
    } catch (IOException e) {
      throw new ConfigurationInvalid(directory + ": cannot be made: " + e.getMessage());
    }
  }

  private void requireOwner() throws ConfigurationInvalid {
    try {
      // A process's own files belong to its effective user, whatever the environment says.
      String owner = Files.getOwner(directory).getName();
      String user = Files.getOwner(Path.of("/proc/self")).getName();
      if (!owner.equals(user)) {
        throw new ConfigurationInvalid(
            directory + ": the home directory belongs to " + owner + ", not to " + user);
      }
    } catch (IOException e) {
      throw new ConfigurationInvalid(directory + ": its owner cannot be read");
    }
  }

  /** Who can put files here can put another PKCS #11 library into the configuration. */
  private void requireNoOtherWriter() throws ConfigurationInvalid {
    try {
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(directory);
      if (permissions.contains(PosixFilePermission.GROUP_WRITE)
          || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
        throw new ConfigurationInvalid(
            directory + ": others than its owner can write to the home directory (chmod go-w)");
      }
    } catch (IOException e) {
      throw new ConfigurationInvalid(directory + ": its permissions cannot be read");
    }
  }

  Path configurationFile() {
    return directory.resolve("chancery.yaml");
  }

  /** The root that clients trust. */
  Path rootCertificate() {
    return directory.resolve("root.pem");
  }

  /** What an issuer asked an offline root for. */
  Path request(IssuerId issuer) {
    return directory.resolve("ca").resolve(issuer + ".csr");
  }

  /** The key and certificate of the administrator at this machine. */
  Path adminCredential() {
    return directory.resolve("admin").resolve("admin.pem");
  }

  /** Where the running server's admin API is found. */
  Path adminUrl() {
    return directory.resolve("admin").resolve("url");
  }

  /** The name for which the admin API's certificate is certainly valid. */
  Path adminServerName() {
    return directory.resolve("admin").resolve("server-name");
  }

  /** A path from the configuration; relative ones are relative to the home. */
  Path resolve(Path path) {
    return directory.resolve(path).normalize();
  }

  /** Makes a directory that only this user can enter, unless it is there. */
  Path privateDirectory(String name) throws ConfigurationInvalid {
    Path path = directory.resolve(name);
    try {
      if (!Files.isDirectory(path)) {
        Files.createDirectory(path, PosixFilePermissions.asFileAttribute(PRIVATE_DIRECTORY));
      }
      return path;
    } catch (IOException e) {
      throw new ConfigurationInvalid(path + ": cannot be made: " + e.getMessage());
    }
  }

  /**
   * Writes a file that only this user can read; it is there whole and on the disk, or not at all.
   */
  static void writePrivate(Path file, String content) throws ConfigurationInvalid {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.deleteIfExists(fresh);
      Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PRIVATE_FILE));
      try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      // The new name is an entry of the directory, which goes to the disk on its own.
      try (FileChannel folder =
          FileChannel.open(
              Objects.requireNonNull(file.toAbsolutePath().getParent()), StandardOpenOption.READ)) {
        folder.force(true);
      }
    } catch (IOException e) {
      throw new ConfigurationInvalid(file + ": cannot be written: " + e.getMessage());
    }
  }

  /** Reads a secret from a file; the last line end does not belong to it. */
  static String secret(Path file) throws ConfigurationInvalid {
    try {
      String text = Files.readString(file);
      return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    } catch (IOException e) {
      throw new ConfigurationInvalid(file + ": the secret cannot be read");
    }
  }
}
