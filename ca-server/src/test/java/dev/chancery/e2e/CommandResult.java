package dev.chancery.e2e;

import dev.chancery.server.CommandRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What a command printed, both streams together, and how it ended. */
record CommandResult(String command, int exitCode, String output) {
  private static final int SECONDS = 120;

  /** Runs a command in a folder until it ends. */
  static CommandResult of(Path folder, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    Path output = Files.createTempFile(folder, "command", ".out");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    try {
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError(
            command[0] + " has not ended after " + SECONDS + " s: " + Files.readString(output));
      }
      return new CommandResult(
          String.join(" ", command), process.exitValue(), Files.readString(output));
    } finally {
      process.destroyForcibly();
      Files.delete(output);
    }
  }

  /** The same of a command of this project, run in this process, which is sooner done. */
  static CommandResult inProcess(String... arguments) {
    CommandRun run = CommandRun.of(arguments);
    return new CommandResult(String.join(" ", arguments), run.exitCode(), run.out() + run.err());
  }

  /** Has a JVM do something, as an operator with jcmd would. */
  static CommandResult ofJvm(Path folder, Process jvm, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/jcmd").toString());
    command.add(Long.toString(jvm.pid()));
    command.addAll(List.of(arguments));
    return of(folder, Map.of(), command.toArray(String[]::new));
  }

  /** The output of a command that was done. */
  String requireDone() {
    if (exitCode != 0) {
      throw new AssertionError(command + " ended with " + exitCode + ":\n" + output);
    }
    return output;
  }
}
