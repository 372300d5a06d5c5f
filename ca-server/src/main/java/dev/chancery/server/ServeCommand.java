package dev.chancery.server;

import java.io.PrintWriter;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs the server in the foreground, until a signal ends it. */
@Command(
    name = "serve",
    description = "Serve a home in the foreground; Ctrl-C or SIGTERM ends it.",
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private HomeOption home = new HomeOption();
  @Mixin private HomeOption.Overrides overrides = new HomeOption.Overrides();

  @Option(
      names = "--exit-when-ready",
      description = "end as soon as the server could serve, to check a configuration to the end")
  private boolean exitWhenReady;

  @Override
  public Integer call() throws Exception {
    Home opened = home.open();
    Configuration configuration = Configuration.read(opened, overrides.values());
    PrintWriter out = spec.commandLine().getOut();
    try (OrderlyEnd end = OrderlyEnd.ofThisProcess()) {
      end.started(
          Server.start(
              opened,
              configuration,
              Clock.systemUTC(),
              new SecureRandom(),
              new Server.Started() {
                @Override
                public void at(Addresses addresses) {
                  if (!end.hasBegun()) {
                    announce(out, addresses);
                  }
                }

                @Override
                public void mustEnd(String why) {
                  end.demand(why);
                }
              }));
      Optional<String> why = exitWhenReady ? Optional.empty() : end.await();
      why.ifPresent(text -> spec.commandLine().getErr().println("chancery: " + text));
      return why.isPresent() ? Main.FAILED : 0;
    }
  }

  private static void announce(PrintWriter out, Addresses addresses) {
    out.println("landing page: " + addresses.publicUrl() + "/");
    out.println("ready: " + addresses.apiUrl() + "/acme/directory");
    out.flush();
  }
}
