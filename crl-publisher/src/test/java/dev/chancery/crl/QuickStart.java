package dev.chancery.crl;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;

/**
 * JVMs with the class path of this one that are started again and again: what one of them has
 * loaded is archived, and those after it start in half the time.
 */
final class QuickStart {
  private final String classPath;
  private final Path archive;

  /**
   * @param folder for the archive, and for the jars of what is in folders here: a JVM archives
   *     nothing else
   */
  QuickStart(Path folder) throws IOException {
    this.archive = folder.resolve("classes.jsa");
    ToolProvider jar = ToolProvider.findFirst("jar").orElseThrow();
    List<String> entries = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      if (Files.isDirectory(Path.of(entry))) {
        String file = folder.resolve(entries.size() + ".jar").toString();
        if (jar.run(System.out, System.err, "--create", "--file", file, "-C", entry, ".") != 0) {
          throw new IOException("no jar of " + entry);
        }
        entries.add(file);
      } else {
        entries.add(entry);
      }
    }
    this.classPath = String.join(File.pathSeparator, entries);
  }

  /** Whether the first process has ended. */
  boolean isReady() {
    return Files.exists(archive);
  }

  /** The command of the first process, which has to end by itself. */
  List<String> first(Class<?> main) {
    return command("-XX:ArchiveClassesAtExit=" + archive, main);
  }

  /** The command of each other. */
  List<String> again(Class<?> main) {
    return command("-XX:SharedArchiveFile=" + archive, main);
  }

  private List<String> command(String option, Class<?> main) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        // What the JVM has to say of the archive would come between the answers.
        "-Xlog:disable",
        option,
        "-cp",
        classPath,
        main.getName());
  }
}
