import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Fills a folder with the jars of the distribution: takes signatures off (the JVM's AOT cache
 * leaves out every class of a signed jar), gives all one time stamp (the cache compares it) and
 * writes the file {@code class-path}: first line a digest of all jars, second line their names in
 * order.
 */
final class Libraries {
  private static final Pattern SIGNATURE =
      Pattern.compile("META-INF/[^/]+\\.(SF|RSA|DSA|EC)", Pattern.CASE_INSENSITIVE);

  private Libraries() {}

  /** Arguments: folder, the server's jar, class path, time stamp, pattern of jars to leave out. */
  public static void main(String[] args) throws Exception {
    Path folder = emptied(Path.of(args[0]));
    FileTime stamp = FileTime.from(Instant.parse(args[3]));
    Pattern unused = Pattern.compile(args[4]);
    List<Path> jars =
        Stream.concat(Stream.of(args[1]), Arrays.stream(args[2].split(File.pathSeparator)))
            .map(Path::of)
            .filter(Files::isRegularFile)
            .filter(jar -> !unused.matcher(jar.getFileName().toString()).matches())
            .sorted(Comparator.comparing(jar -> jar.getFileName().toString()))
            .toList();
    MessageDigest all = MessageDigest.getInstance("SHA-256");
    for (Path jar : jars) {
      byte[] bytes = isSigned(jar) ? withoutSignatures(jar, stamp) : Files.readAllBytes(jar);
      Path copy = Files.write(folder.resolve(jar.getFileName()), bytes);
      Files.setLastModifiedTime(copy, stamp);
      all.update(jar.getFileName().toString().getBytes(StandardCharsets.UTF_8));
      all.update(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
    String names =
        jars.stream().map(jar -> jar.getFileName().toString()).collect(Collectors.joining(":"));
    String digest = HexFormat.of().formatHex(all.digest()).substring(0, 16);
    Files.writeString(folder.resolve("class-path"), digest + "\n" + names + "\n");
  }

  private static Path emptied(Path folder) throws IOException {
    Files.createDirectories(folder);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    return folder;
  }

  private static boolean isSigned(Path jar) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      return zip.stream().anyMatch(entry -> SIGNATURE.matcher(entry.getName()).matches());
    }
  }

  private static byte[] withoutSignatures(Path jar, FileTime stamp) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipFile zip = new ZipFile(jar.toFile());
        ZipOutputStream out = new ZipOutputStream(bytes)) {
      for (ZipEntry entry : Collections.list(zip.entries())) {
        if (SIGNATURE.matcher(entry.getName()).matches()) {
          continue;
        }
        ZipEntry copy = new ZipEntry(entry.getName());
        copy.setLastModifiedTime(stamp);
        out.putNextEntry(copy);
        if (entry.getName().equals(JarFile.MANIFEST_NAME)) {
          withoutDigests(new Manifest(zip.getInputStream(entry))).write(out);
        } else {
          zip.getInputStream(entry).transferTo(out);
        }
        out.closeEntry();
      }
    }
    return bytes.toByteArray();
  }

  private static Manifest withoutDigests(Manifest manifest) {
    for (Attributes section : manifest.getEntries().values()) {
      Set<Object> digests =
          section.keySet().stream()
              .filter(name -> name.toString().contains("-Digest"))
              .collect(Collectors.toSet());
      digests.forEach(section::remove);
    }
    manifest.getEntries().values().removeIf(Attributes::isEmpty);
    return manifest;
  }
}
