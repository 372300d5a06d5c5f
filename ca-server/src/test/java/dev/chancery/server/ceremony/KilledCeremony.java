package dev.chancery.server.ceremony;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A ceremony in a process of its own, which is killed at one line of the transcript. */
final class KilledCeremony {
  static final String NONE = "no line of any transcript";

  private KilledCeremony() {}

  /**
   * What the program is given, in this order.
   *
   * @param line at which it is killed; NONE when others do it
   */
  record Arguments(Path scene, Path out, String token, Path module, String line, boolean written) {
    List<String> words() {
      return List.of(
          scene.toString(),
          out.toString(),
          token,
          module.toString(),
          line,
          Boolean.toString(written));
    }

    private static Arguments of(String[] words) {
      return new Arguments(
          Path.of(words[0]),
          Path.of(words[1]),
          words[2],
          Path.of(words[3]),
          words[4],
          Boolean.parseBoolean(words[5]));
    }
  }

  public static void main(String[] words) throws Exception {
    Arguments arguments = Arguments.of(words);
    CeremonyScene scene = CeremonyScene.of(arguments.scene());
    scene.module = Optional.of(arguments.module());
    Transcript.Disk killing =
        (file, octets) -> {
          boolean here = new String(octets, StandardCharsets.UTF_8).contains(arguments.line());
          if (here && !arguments.written()) {
            kill();
          }
          Folder.append(file, octets);
          if (here) {
            kill();
          }
        };
    scene
        .ceremony(
            arguments.out(), arguments.token(), true, scene.typing(CeremonyScene.ITEMS), killing)
        .run();
  }

  /** Nothing of this process runs after that: no handler, no finally, no write-back. */
  private static void kill() {
    try {
      new ProcessBuilder("kill", "-9", Long.toString(ProcessHandle.current().pid()))
          .start()
          .waitFor();
      Thread.sleep(60_000);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
