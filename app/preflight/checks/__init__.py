"""The checks of `gonogo preflight`, in the order in which they are shown."""

from app.preflight.checks import disk, gpu, model, money, plan, system
from app.preflight.checks.finding import Check, PlanlessCheck

PLAN_CHECKS: dict[str, Check] = {
    "plan": plan.check_plan,
    "estimates": plan.check_estimates,
    "files": plan.check_files,
    "programs": plan.check_programs,
    "secrets": plan.check_secrets,
    "trackers": plan.check_trackers,
    "environment": plan.check_environment,
    "model": model.check_models,
    "GPU": gpu.check_gpu,
    "attention": gpu.check_attention,
    "4 bits": gpu.check_four_bit,
    "disk": disk.check_disk,
    "volume": disk.check_volume,
    "notification": money.check_notification,
    "stop command": money.check_stop_command,
    "pod": money.check_pod,
}
PLANLESS_CHECKS: dict[str, PlanlessCheck] = {
    "packages": system.check_packages,
    "home": system.check_home,
    "clock": system.check_clock,
    "tmux": system.check_tmux,
}
