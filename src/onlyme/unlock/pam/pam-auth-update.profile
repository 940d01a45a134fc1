Name: Face recognition (onlyme)
Default: no
Priority: 512
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_exec.so quiet stdout seteuid @COMMAND@
Account-Type: Additional
Account:
	[default=ignore]	pam_exec.so quiet seteuid @COMMAND@
